-- An index that ends with the id gives its rows in the order of a list or a limit. Without it, the order of the primary
-- key looks cheaper than the index, and the whole tenant is read. Rows that are never looked for are left out.

DROP INDEX exchanges_by_thread;
DROP INDEX exchanges_by_their_did;
DROP INDEX exchanges_by_my_did;
DROP INDEX exchanges_pending;
DROP INDEX exchanges_due;
CREATE INDEX exchanges_by_thread ON exchanges (tenant, thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX exchanges_by_their_did ON exchanges (tenant, their_did, id) WHERE their_did IS NOT NULL;
CREATE INDEX exchanges_by_my_did ON exchanges (tenant, my_did, id) WHERE my_did IS NOT NULL;
CREATE UNIQUE INDEX exchanges_pending ON exchanges (tenant, pending_for) WHERE pending_for IS NOT NULL;
CREATE INDEX exchanges_due ON exchanges (deadline_at, tenant, id) WHERE deadline_at IS NOT NULL;

DROP INDEX connections_to_reuse;
DROP INDEX connections_by_their_did;
DROP INDEX connections_by_my_did;
CREATE INDEX connections_to_reuse ON connections (tenant, invitation_did, role, last_seen_at, id, created_at) WHERE role = 2;
CREATE INDEX connections_by_their_did ON connections (tenant, their_did, id);
CREATE INDEX connections_by_my_did ON connections (tenant, my_did, id);

DROP INDEX acceptances_by_thread;
DROP INDEX acceptances_by_exchange;
DROP INDEX acceptances_by_connection;
DROP INDEX acceptances_due;
CREATE INDEX acceptances_by_thread ON acceptances (tenant, thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX acceptances_by_exchange ON acceptances (tenant, exchange_id, id) WHERE exchange_id IS NOT NULL;
CREATE INDEX acceptances_by_connection ON acceptances (tenant, connection_id, id) WHERE connection_id IS NOT NULL;
CREATE INDEX acceptances_due ON acceptances (deadline_at, tenant, id) WHERE deadline_at IS NOT NULL;

DROP INDEX invitations_expiring;
CREATE INDEX invitations_expiring ON invitations (expires_at, tenant, id) WHERE expires_at IS NOT NULL;

-- The log is in the order of its age already.
DROP INDEX events_by_age;
