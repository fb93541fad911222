//! Invitations, exchanges, connections, reuse; the outbox and the event log.

mod store;
