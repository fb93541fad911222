//! A gRPC server on a listener: the services, health, reflection, authentication, limits, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tower::layer::layer_fn;
use tower::service_fn;
use tower::util::MapResponseLayer;

use crate::admission::{Limits, Room};
use crate::auth::{Authenticate, Callers};
use crate::edge::Edge;
use crate::health::Health;
use crate::listener::Listener;
use crate::proto::DESCRIPTORS;
use crate::refusal;

/// The largest gRPC message taken or given, in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// The largest headers of a call, in bytes.
pub(crate) const MAX_HEADERS: u32 = 32 * 1024;
/// The most calls and streams of a connection at once.
const MAX_STREAMS: u32 = 1024;

/// The services of one process, ready to be served.
pub struct GrpcServer {
    routes: RoutesBuilder,
    health: Health,
    names: Vec<&'static str>,
    limits: Limits,
}

impl GrpcServer {
    /// A server with health, and with reflection v1 and v1alpha.
    ///
    /// # Errors
    /// When the descriptors built into the binary cannot be read.
    pub fn new() -> Result<Self, ServerError> {
        let mut routes = RoutesBuilder::default();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                // So that a generic client can show the details of an error.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        routes.add_service(reflection().build_v1().map_err(ServerError::Reflection)?);
        routes.add_service(reflection().build_v1alpha().map_err(ServerError::Reflection)?);
        Ok(Self { routes, health: Health::new(), names: Vec::new(), limits: Limits::default() })
    }

    /// Adds a generated server.
    pub fn add<S>(&mut self, service: S) -> &mut Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Health alone, for a listener of probes.
    #[must_use]
    pub fn probes(&self) -> Routes {
        Routes::new(self.health.service(self.names.clone()))
    }

    /// Takes on as much as this says, instead of the default.
    pub fn limit(&mut self, limits: Limits) -> &mut Self {
        self.limits = limits;
        self
    }

    /// What it says of itself: that calls are welcome, until it is told otherwise or ends.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves until `shutdown` is done, then lets calls under way finish for at most `grace`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        mut self,
        listener: impl Into<Listener>,
        callers: Callers,
        shutdown: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> Result<(), ServerError> {
        let health = self.health.clone();
        self.routes.add_service(health.service(self.names));
        let (drained, drain_began) = tokio::sync::oneshot::channel();
        let drain = async move {
            shutdown.await;
            health.end();
            let _ = drained.send(());
        };
        // Each process draws its own, so that replicas do not ask at the same time.
        let age = self.limits.connection_age.mul_f64(rand::random_range(0.9..1.1));
        let room = Room::new(self.limits.calls);
        let turned_away = callers.clone();
        let incoming =
            listener.into().incoming(age + self.limits.connection_grace, move |address, error| {
                turned_away.turned_away(address.ip(), error);
            });
        let server = Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .http2_max_header_list_size(Some(MAX_HEADERS))
            .max_concurrent_streams(Some(MAX_STREAMS))
            .max_connection_age(age)
            .layer(Edge)
            .layer(Authenticate::new(callers))
            .layer(MapResponseLayer::new(refusal::explain))
            .layer(layer_fn(move |routes: Routes| {
                let room = room.clone();
                service_fn(move |request| room.serve(routes.clone(), request))
            }))
            .add_routes(self.routes.routes())
            .serve_with_incoming_shutdown(incoming, drain);
        let deadline = async move {
            match drain_began.await {
                Ok(()) => tokio::time::sleep(grace).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = server => served.map_err(ServerError::Transport),
            () = deadline => Ok(()),
        }
    }
}

/// Why a server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The descriptors are broken.
    #[error("the reflection service cannot read the descriptors")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The listener failed.
    #[error("the gRPC listener failed")]
    Transport(#[source] tonic::transport::Error),
}
