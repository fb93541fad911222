//! How the service is called.

mod access;
mod api_key;
mod audit;
mod entity;
mod tenant;

use tokio::sync::watch;

use crate::service::Access;

/// The gRPC services of this crate.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub access: Access,
    /// True once the service drains.
    pub drain: watch::Receiver<bool>,
}
