-- URLs that callers registered for events.
CREATE TABLE webhooks (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    format INTEGER NOT NULL,
    headers TEXT NOT NULL,             -- pairs of name and value, as JSON
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX webhooks_by_url ON webhooks (tenant, format, url);
