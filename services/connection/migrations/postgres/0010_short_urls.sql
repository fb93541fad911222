-- What short URLs lead to; only an invitation for which one was asked has one.
ALTER TABLE invitations ADD COLUMN short_id TEXT;
ALTER TABLE invitations ADD COLUMN short_url TEXT;
CREATE UNIQUE INDEX invitations_by_short_id ON invitations (short_id) WHERE short_id IS NOT NULL;
