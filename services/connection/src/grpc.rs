//! How the service is called.

mod connection;
mod event;
mod exchange;
mod inbound;
mod invitation;
mod message;
mod tenant;
mod webhook;

use tokio::sync::watch;

use crate::engine::Engine;

/// The gRPC services of this crate.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub engine: Engine,
    /// True once the service drains.
    pub drain: watch::Receiver<bool>,
}
