-- Invitations that are also answered by naming only their DID (RFC 0023).
ALTER TABLE invitations ADD COLUMN implicit BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX invitations_implicit ON invitations (tenant, canonical_did, id) WHERE implicit;
