-- The URL that was accepted; empty for an invitation that came otherwise.
ALTER TABLE acceptances ADD COLUMN url TEXT NOT NULL DEFAULT '';
