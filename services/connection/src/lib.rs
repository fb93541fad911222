//! Invitations, exchanges, connections, reuse; the outbox and the event log.
//!
//! A call or a message from a peer is one transaction ([`store::Work`]): the record, its events, the messages that it
//! sends and the id of what caused it are committed together. After the commit the events are seen and the messages
//! leave. `engine` has what callers may do, `inbound` what peers may do, `outbox`, `timers` and `clean_up` what happens by itself.

mod clean_up;
mod clients;
mod conditions;
mod config;
mod engine;
mod events;
mod feed;
mod grpc;
mod inbound;
mod metrics;
mod nats;
mod outbox;
mod project;
mod replicas;
mod service;
mod store;
mod timers;
mod trace;

pub use conditions::Conditions;
pub use config::Config;
pub use service::{Links, Service, StartError, start};
pub use store::{MIGRATIONS, begin_new_epoch};
