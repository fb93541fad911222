-- A request may make several keys: each has its place in it.
ALTER TABLE keys ADD COLUMN request_index BIGINT NOT NULL DEFAULT 0;
DROP INDEX keys_by_request;
CREATE UNIQUE INDEX keys_by_request ON keys (tenant, request_id, request_index) WHERE request_id IS NOT NULL;
