-- How many attempts to deliver a message its endpoints answered with a no.
ALTER TABLE outbox ADD COLUMN rejections INTEGER NOT NULL DEFAULT 0;
