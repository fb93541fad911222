//! How the service is called.

mod connection;
mod diagnosis;
mod event;
mod exchange;
mod inbound;
mod invitation;
mod message;
mod tenant;
mod webhook;

use crate::engine::Engine;

/// The gRPC services of this crate.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub engine: Engine,
}
