-- The long forms of did:peer:4 that were seen, by their short forms. A long form proves its short form by hash, so that
-- a row never changes.
CREATE TABLE peer4 (
    tenant TEXT NOT NULL,
    short_form TEXT NOT NULL,
    long_form TEXT NOT NULL,
    PRIMARY KEY (tenant, short_form)
);
