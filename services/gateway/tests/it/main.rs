//! The gateway on real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod admin;
mod admin_socket;
mod agent;
mod connect;
mod controller;
mod didcomm;
mod graphql;
mod identus;
mod invitations;
mod return_route;
mod support;
mod webhooks;
