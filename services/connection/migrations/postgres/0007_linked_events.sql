-- SHA-256 over the hash of the event before and this one; null in events from before there were any.
ALTER TABLE events ADD COLUMN hash BYTEA;

-- The hash of the newest event, the one from before the last commit, and that of the newest event that is no longer kept.
ALTER TABLE logs ADD COLUMN hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE logs ADD COLUMN prior_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE logs ADD COLUMN purged_hash BYTEA NOT NULL DEFAULT '';
-- Events up to here have no hash.
ALTER TABLE logs ADD COLUMN linked_after BIGINT NOT NULL DEFAULT 0;
UPDATE logs SET linked_after = last_sequence;
