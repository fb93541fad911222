-- The processes that share the tables. On SQLite there is one.
CREATE TABLE replicas (
    id TEXT NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL,             -- counted up while it lives
    started_at BIGINT NOT NULL
);

-- The replica that sends the message.
ALTER TABLE outbox ADD COLUMN owner TEXT NOT NULL DEFAULT '';
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (owner, next_attempt_at, tenant, lane);

-- Which process reads for a consumer.
CREATE TABLE leases (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
