//! Delivers packed messages to endpoints, over HTTP or a WebSocket, and fetches short invitation URLs.
//!
//! It keeps nothing but pools: connections, and for each endpoint's origin a limit of deliveries under way and a breaker
//! that spares a host which does not answer.

mod breaker;
mod deliver;
mod endpoint;
mod error;
mod fetch;
mod grpc;
mod http;
mod metrics;
mod origin;
mod reply;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use entente_net::{AddressPolicy, ClientError, ClientSettings};
use entente_rpc::proto::transport::v1::transport_service_server::TransportServiceServer;
use entente_rpc::{GrpcServer, Link, MAX_MESSAGE, link};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

pub use breaker::BreakerSettings;
use deliver::Transport;
use fetch::Fetcher;
use grpc::Handler;
use metrics::Metrics;
use origin::Origins;
use websocket::WebSockets;

/// How the transport works.
#[derive(Debug, Clone)]
pub struct Config {
    /// Delivers to private, loopback and other special addresses too: for tests, and where all agents share a network.
    pub allow_private_endpoints: bool,
    /// The time to connect, TLS included.
    pub connect_timeout: Duration,
    /// The time for a whole delivery, waiting for its turn included. A caller's deadline shortens it.
    pub timeout: Duration,
    /// Deliveries under way to one origin (scheme, host and port).
    pub max_in_flight: usize,
    /// Deliveries that may wait for one origin; more are refused with OVERLOADED.
    pub max_waiting: usize,
    /// Origins kept in mind. The one not used for longest is forgotten first.
    pub max_origins: u64,
    /// When to stop asking an origin that fails.
    pub breaker: BreakerSettings,
    /// Short invitation URLs fetched at the same time.
    pub max_fetches: usize,
    /// The time to fetch a short invitation URL, redirects included.
    pub fetch_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_private_endpoints: false,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            max_in_flight: 32,
            max_waiting: 256,
            max_origins: 10_000,
            breaker: BreakerSettings::default(),
            max_fetches: 32,
            fetch_timeout: Duration::from_secs(5),
        }
    }
}

/// Why the transport cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The HTTP client.
    #[error("the transport's HTTP client cannot be made")]
    Client(#[from] ClientError),
    /// TLS.
    #[error("the transport's TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// The running transport.
pub struct Service {
    server: TransportServiceServer<Handler>,
}

/// Starts the transport. `resolver` is asked for endpoints that are DIDs. Its metrics go to `registry`, under
/// `transport_`.
///
/// # Errors
/// [`StartError`].
#[allow(clippy::unused_async, reason = "every service starts the same way")]
pub async fn start(
    config: Config,
    resolver: Link,
    registry: &mut Registry,
) -> Result<Service, StartError> {
    let policy =
        if config.allow_private_endpoints { AddressPolicy::Any } else { AddressPolicy::Public };
    let client = entente_net::client(&ClientSettings {
        policy,
        connect_timeout: config.connect_timeout,
        user_agent: concat!("entente/", env!("CARGO_PKG_VERSION")).to_owned(),
    })?;
    let metrics = Metrics::register(registry.sub_registry_with_prefix("transport"));
    let transport = Transport {
        resolver,
        policy,
        client: client.clone(),
        websockets: WebSockets::new(policy, config.connect_timeout)?,
        origins: Origins::new(&config, metrics.breakers_open.clone()),
        timeout: config.timeout,
    };
    let fetcher = Fetcher {
        client,
        policy,
        timeout: config.fetch_timeout,
        permits: Semaphore::new(config.max_fetches),
    };
    let handler = Handler { transport: Arc::new(transport), fetcher: Arc::new(fetcher), metrics };
    let server = TransportServiceServer::new(handler)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    Ok(Service { server })
}

impl Service {
    /// Adds the service to a server.
    pub fn add_to(&self, server: &mut GrpcServer) {
        server.add(self.server.clone());
    }

    /// A link to the service in this process.
    #[must_use]
    pub fn link(&self) -> Link {
        link::local(self.server.clone())
    }

    /// Ends the service. It has no background work: deliveries under way end with their calls.
    #[allow(clippy::unused_async, reason = "every service ends the same way")]
    pub async fn shutdown(&self) {}
}
