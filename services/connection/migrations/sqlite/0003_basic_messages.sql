-- Texts on a connection, for as long as events are kept.
CREATE TABLE basic_messages (
    tenant TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    id TEXT NOT NULL,                  -- ours, by which they sort
    message_id TEXT NOT NULL,          -- the sender's
    content TEXT NOT NULL,
    outbound BOOLEAN NOT NULL,
    time BIGINT NOT NULL,
    PRIMARY KEY (tenant, connection_id, id)
);
CREATE INDEX basic_messages_by_age ON basic_messages (time, tenant);

CREATE INDEX exchanges_by_update ON exchanges (tenant, updated_at, id);
