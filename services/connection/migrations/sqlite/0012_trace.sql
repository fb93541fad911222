-- Where in a trace the work was that made the message; empty when it was in none.
ALTER TABLE outbox ADD COLUMN trace TEXT NOT NULL DEFAULT '';
