-- Times are milliseconds since the Unix epoch, UTC.

CREATE TABLE tenants (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    label TEXT COLLATE "C" NOT NULL,
    state INTEGER NOT NULL,                        -- as in the proto; 4 is deleted: the row keeps the id from being taken again
    quotas BYTEA NOT NULL,                         -- as in the proto
    settings TEXT COLLATE "C" NOT NULL,            -- JSON
    request_id TEXT COLLATE "C",                   -- by which it was made
    request BYTEA NOT NULL,                        -- SHA-256 of that request
    deleted_at BIGINT,                             -- when that was asked for
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tenants_by_request ON tenants (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX tenants_under_deletion ON tenants (tenant) WHERE state = 3;

-- Keys as digests: SHA-256 of 32 random bytes and more.
CREATE TABLE api_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,               -- with commas between
    digest BYTEA NOT NULL,
    previous BYTEA,                                -- the digest before the rotation
    previous_until BIGINT,
    created_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (tenant, id)
);
-- Across tenants: a key names no tenant.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

-- Nothing is changed or removed here. One log for all tenants, so that it has one order.
CREATE TABLE audit (
    tenant TEXT COLLATE "C" NOT NULL,              -- empty when for none
    sequence BIGINT NOT NULL PRIMARY KEY,
    caller TEXT COLLATE "C" NOT NULL,
    record BYTEA NOT NULL                          -- the entry as in the proto
);
CREATE INDEX audit_by_tenant ON audit (tenant, sequence);
CREATE INDEX audit_by_caller ON audit (caller, sequence);

-- What was appended lately, so that it is not appended twice.
CREATE TABLE audit_requests (
    request_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL
);
CREATE INDEX audit_requests_by_age ON audit_requests (time);

-- A session sees the rows of the tenant that its setting entente.tenant names, or of all with '*'; without the setting
-- it sees none. The owner of the tables is held to it too (FORCE); a superuser is not.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
