-- The DID URL of from_key, which DIDComm v2 names it by.
ALTER TABLE outbox ADD COLUMN from_kid TEXT;

-- How an invitation is written; those before were out-of-band/1.x.
ALTER TABLE invitations ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
-- A request of connections/1.0 may name its invitation by nothing but the key.
CREATE INDEX invitations_by_key ON invitations (tenant, key, format);
