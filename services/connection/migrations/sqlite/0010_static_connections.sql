-- Connections that no handshake made are few.
CREATE INDEX connections_static ON connections (tenant, id) WHERE role = 0;
-- A key of ours is that of one DID.
CREATE INDEX dids_by_key ON dids (tenant, key);
