-- How the master key is found and told from others. One row: there is one master key for the whole store, so that this
-- table alone has no tenant.
CREATE TABLE master_key (
    singleton   BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    -- 'file' or 'passphrase'.
    source      TEXT   NOT NULL,
    -- Argon2id's salt and cost, for a passphrase; NULL for a file.
    salt        BYTEA,
    memory_kib  BIGINT,
    iterations  BIGINT,
    lanes       BIGINT,
    -- Sealed under the master key: only the right key opens it.
    verifier    BYTEA  NOT NULL
);

-- A data key for each tenant, wrapped under the master key.
CREATE TABLE tenant_keys (
    tenant      TEXT   NOT NULL PRIMARY KEY,
    wrapped     BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL
);

-- Private keys, sealed under their tenant's data key.
CREATE TABLE keys (
    tenant      TEXT   NOT NULL,
    -- Multibase; it tells the type.
    public_key  TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL,
    request_id  TEXT,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, public_key)
);

-- Across tenants: an envelope names keys and no tenant.
CREATE UNIQUE INDEX keys_by_public_key ON keys (public_key);
CREATE UNIQUE INDEX keys_by_request ON keys (tenant, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX keys_by_age ON keys (tenant, created_at, public_key);
