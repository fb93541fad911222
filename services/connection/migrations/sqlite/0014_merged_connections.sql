-- The ids that became one with a connection, separated by spaces.
ALTER TABLE connections ADD COLUMN former_ids TEXT NOT NULL DEFAULT '';

-- Connections that became part of another, as they last were. Their pairs of keys in `peers` stay theirs: what the peer
-- sends to them is of the one that was kept, and is answered from their DIDs.
CREATE TABLE absorbed (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    kept_id TEXT NOT NULL,             -- never itself in this table
    role INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    my_did TEXT NOT NULL,
    their_did TEXT NOT NULL,
    my_key TEXT NOT NULL,
    their_key TEXT NOT NULL,
    target TEXT NOT NULL,
    their_label TEXT NOT NULL,
    alias TEXT NOT NULL,
    invitation_id TEXT NOT NULL,
    invitation_did TEXT,
    metadata TEXT NOT NULL,
    reuses BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    from_prior TEXT,
    prior_did TEXT,
    prior_key TEXT,
    first_did TEXT,
    former_ids TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX absorbed_by_kept ON absorbed (tenant, kept_id, id);
CREATE INDEX absorbed_by_my_did ON absorbed (tenant, my_did, id);
CREATE INDEX absorbed_by_their_did ON absorbed (tenant, their_did, kept_id);
CREATE INDEX absorbed_by_first_did ON absorbed (tenant, first_did, kept_id) WHERE first_did IS NOT NULL;
CREATE INDEX absorbed_to_reuse ON absorbed (tenant, invitation_did, kept_id) WHERE role = 2;
