//! The gateway on real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod admin;
mod agents;
mod didcomm;
mod return_route;
mod support;
