-- By which operators find a tenant.
ALTER TABLE tenants ADD COLUMN name TEXT COLLATE "C";
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE name IS NOT NULL;

-- Named owners of tenants, with keys that operators chose.
CREATE TABLE entities (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- Across tenants: an operator names an entity and no tenant.
CREATE UNIQUE INDEX entities_by_id ON entities (id);

-- Whose key it is, if it was chosen; its digest is then the keystore's code of SHA-256 of the key, for a chosen key may
-- be guessed. Such a key has no id in it, and is found by its digest.
ALTER TABLE api_keys ADD COLUMN entity TEXT COLLATE "C";
CREATE INDEX api_keys_by_entity ON api_keys (tenant, entity) WHERE entity IS NOT NULL;
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (digest);

ALTER TABLE entities ENABLE ROW LEVEL SECURITY;
ALTER TABLE entities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON entities USING ((SELECT current_setting('entente.tenant', TRUE)) IN (tenant, '*'));
