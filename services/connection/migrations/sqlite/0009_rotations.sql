-- While the peer has not answered our new DID: the JWT that names it, and the DID and key before it.
ALTER TABLE connections ADD COLUMN from_prior TEXT;
ALTER TABLE connections ADD COLUMN prior_did TEXT;
ALTER TABLE connections ADD COLUMN prior_key TEXT;
