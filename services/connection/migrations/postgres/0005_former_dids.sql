-- The DID that the peer had when the connection was made, if it has taken another since.
ALTER TABLE connections ADD COLUMN first_did TEXT COLLATE "C";
CREATE INDEX connections_by_first_did ON connections (tenant, first_did, id) WHERE first_did IS NOT NULL;
