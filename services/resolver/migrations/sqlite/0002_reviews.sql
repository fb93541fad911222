-- When each form was last seen as long, and when it is next asked whether anything needs it; it goes when nothing did twice.
ALTER TABLE peer4 ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE peer4 ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE peer4 ADD COLUMN needless BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX peer4_due ON peer4 (due_at, tenant, short_form);
