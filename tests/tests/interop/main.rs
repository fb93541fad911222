//! Entente and a real ACA-Py, each in its own process, driven as their owners do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod approval;
mod attached;
mod connections;
mod crash;
mod handed_over;
mod handshakes;
mod implicit;
mod invitations;
mod lost;
mod messages;
mod pair;
mod static_connections;
mod unanswered;
