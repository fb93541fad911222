-- Our key in a handshake that has made no connection: `peers` has those of the others.
ALTER TABLE exchanges ADD COLUMN my_key TEXT;
CREATE INDEX exchanges_by_my_key ON exchanges (tenant, my_key) WHERE my_key IS NOT NULL;
