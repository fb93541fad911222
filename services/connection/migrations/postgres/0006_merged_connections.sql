-- The ids that became one with a connection, separated by spaces.
ALTER TABLE connections ADD COLUMN former_ids TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Connections that became part of another, as they last were. Their pairs of keys in `peers` stay theirs: what the peer
-- sends to them is of the one that was kept, and is answered from their DIDs.
CREATE TABLE absorbed (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kept_id TEXT COLLATE "C" NOT NULL,             -- never itself in this table
    role INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    my_did TEXT COLLATE "C" NOT NULL,
    their_did TEXT COLLATE "C" NOT NULL,
    my_key TEXT COLLATE "C" NOT NULL,
    their_key TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    their_label TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    invitation_id TEXT COLLATE "C" NOT NULL,
    invitation_did TEXT COLLATE "C",
    metadata TEXT COLLATE "C" NOT NULL,
    reuses BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    from_prior TEXT COLLATE "C",
    prior_did TEXT COLLATE "C",
    prior_key TEXT COLLATE "C",
    first_did TEXT COLLATE "C",
    former_ids TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX absorbed_by_kept ON absorbed (tenant, kept_id, id);
CREATE INDEX absorbed_by_my_did ON absorbed (tenant, my_did, id);
CREATE INDEX absorbed_by_their_did ON absorbed (tenant, their_did, kept_id);
CREATE INDEX absorbed_by_first_did ON absorbed (tenant, first_did, kept_id) WHERE first_did IS NOT NULL;
CREATE INDEX absorbed_to_reuse ON absorbed (tenant, invitation_did, kept_id) WHERE role = 2;
ALTER TABLE absorbed ENABLE ROW LEVEL SECURITY;
ALTER TABLE absorbed FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON absorbed USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
