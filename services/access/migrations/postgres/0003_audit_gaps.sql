-- Where the audit was restored from a backup: entries after the newest of the backup are lost, and their numbers are given to
-- no others, up to the one that the next followed.
CREATE TABLE audit_gaps (
    newest BIGINT NOT NULL PRIMARY KEY,
    resumed_after BIGINT NOT NULL
);
