//! Why the services cannot run.

use std::path::PathBuf;

use entente_rpc::link::LinkError;
use entente_rpc::server::ServerError;

/// Why the services cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A signal handler cannot be installed.
    #[error("signals cannot be handled")]
    Signal(#[source] std::io::Error),
    /// The data directory cannot be used.
    #[error("--data-dir: {path} cannot be used: {source}")]
    DataDir {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The tables are behind, and are not to be changed here.
    #[error("--migrate=false: the tables lack {}; run `entente migrate` first", .0.join(", "))]
    Behind(Vec<String>),
    /// The tables cannot be looked at.
    #[error("the database cannot be opened")]
    Store(#[from] entente_store::StoreError),
    /// There is no randomness for a key.
    #[error("the system gives no randomness for an API key")]
    Randomness,
    /// The files for TLS cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] entente_tls::TlsError),
    /// An issuer of tokens cannot be one.
    #[error("[[issuers]]: {0}")]
    Issuers(String),
    /// A port cannot be bound.
    #[error("--{flag}: {address} cannot be listened on: {source}{}", advice(.source))]
    Bind {
        /// The flag.
        flag: &'static str,
        /// Its value.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A service in another process cannot be called.
    #[error("--{service}-url: {source}")]
    Remote {
        /// The service.
        service: &'static str,
        /// Why.
        #[source]
        source: LinkError,
    },
    /// Spans cannot be sent.
    #[error("--otlp-endpoint: {0}")]
    Traces(#[from] entente_telemetry::trace::TraceError),
    /// The gRPC server.
    #[error("the gRPC server: {0}")]
    Grpc(#[from] ServerError),
    /// A listener of the gateway.
    #[error("the gateway's listener: {0}")]
    Gateway(#[from] entente_gateway::ServeError),
    /// The access service cannot start.
    #[error(transparent)]
    Access(#[from] entente_access::StartError),
    /// The resolver cannot start.
    #[error(transparent)]
    Resolver(#[from] entente_resolver::StartError),
    /// The keystore cannot start.
    #[error(transparent)]
    Keystore(#[from] entente_keystore::StartError),
    /// The transport cannot start.
    #[error(transparent)]
    Transport(#[from] entente_transport::StartError),
    /// The connection service cannot start.
    #[error(transparent)]
    Connection(#[from] entente_connection::StartError),
    /// The gateway cannot start.
    #[error(transparent)]
    GatewayStart(#[from] entente_gateway::StartError),
    /// A listener ended without being told to.
    #[error("a listener ended")]
    Ended,
}

fn advice(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it or choose another port"
        }
        std::io::ErrorKind::PermissionDenied => "; ports below 1024 are for root",
        std::io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}
