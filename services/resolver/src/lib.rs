//! Resolves DIDs to documents: did:key and did:peer 0, 2 and 4 from themselves, did:web over HTTPS.
//!
//! What a DID carries in itself costs no I/O. Fetched documents are cached for a while; a did:peer:4 whose long form was
//! seen resolves in its short form too, also after a restart, for as long as something needs it.

mod error;
mod grpc;
mod metrics;
mod peer4;
mod resolver;
mod store;
mod web;

pub use store::MIGRATIONS;

use std::sync::Arc;
use std::time::Duration;

use entente_net::{AddressPolicy, ClientError, ClientSettings};
use entente_rpc::proto::resolver::v1::resolver_service_server::ResolverServiceServer;
use entente_rpc::{GrpcServer, Link, MAX_MESSAGE, link};
use entente_store::{Database, Durability, StoreError};
use prometheus_client::registry::Registry;

use grpc::Handler;
use metrics::Metrics;
use peer4::Peer4;
use resolver::Resolver;
use web::Web;

/// How the resolver works.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its own database, `sqlite:path` or `postgres://user@host/name`. It keeps the long forms of did:peer:4.
    pub database_url: String,
    /// How long a did:web document is used before it is fetched again.
    pub web_ttl: Duration,
    /// How long the host of a did:web may take to answer.
    pub web_timeout: Duration,
    /// Memory for did:web documents, in bytes.
    pub web_cache_bytes: u64,
    /// Memory for forms of did:peer:4, in bytes.
    pub peer4_cache_bytes: u64,
    /// Lets did:web hosts have private addresses, for agents in one private network.
    pub allow_private_addresses: bool,
    /// Fetches did:web over plain HTTP, also from IP addresses. For tests only: anyone on the way can forge a document.
    pub insecure_did_web: bool,
}

impl Config {
    /// The usual settings over a database.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            web_ttl: Duration::from_secs(300),
            web_timeout: Duration::from_secs(5),
            web_cache_bytes: 16 << 20,
            peer4_cache_bytes: 32 << 20,
            allow_private_addresses: false,
            insecure_did_web: false,
        }
    }
}

/// Why the resolver cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("the resolver's database cannot be opened")]
    Store(#[from] StoreError),
    /// The HTTP client.
    #[error("the resolver's HTTP client cannot be made")]
    Client(#[from] ClientError),
}

/// The running resolver.
pub struct Service {
    server: ResolverServiceServer<Handler>,
    database: Database,
}

/// Starts the resolver. Its metrics go to `registry`, under `resolver_`.
///
/// # Errors
/// [`StartError`].
pub async fn start(config: Config, registry: &mut Registry) -> Result<Service, StartError> {
    let database =
        Database::connect(&config.database_url, Durability::Process, &store::MIGRATIONS).await?;
    let policy = if config.allow_private_addresses || config.insecure_did_web {
        AddressPolicy::Any
    } else {
        AddressPolicy::Public
    };
    let client = entente_net::client(&ClientSettings {
        policy,
        connect_timeout: config.web_timeout.min(Duration::from_secs(3)),
        user_agent: concat!("entente/", env!("CARGO_PKG_VERSION")).to_owned(),
    })?;
    let resolver = Resolver {
        peer4: Peer4::new(database.clone(), config.peer4_cache_bytes),
        web: Web::new(client, policy, &config),
    };
    let registry = registry.sub_registry_with_prefix("resolver");
    database.register(registry);
    let metrics = Metrics::register(registry);
    let handler = Handler { resolver: Arc::new(resolver), metrics };
    let server = ResolverServiceServer::new(handler)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    Ok(Service { server, database })
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

    /// Closes the database, after the work under way.
    pub async fn shutdown(&self) {
        self.database.close().await;
    }
}
