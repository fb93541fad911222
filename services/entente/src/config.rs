//! The configuration of `entente serve`: flag over environment over file over default.

mod callers;
mod check;
mod error;
mod listen;
mod print;
mod services;
mod settings;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use entente_rpc::auth::{IssuerSettings, Proxies, StaticCaller};
use entente_rpc::link;
use entente_telemetry::log::Format;

pub use error::ConfigError;
pub use listen::Listen;
pub use services::{Remotes, ServiceName};
pub use settings::{CallerSettings, LogFormat, Settings, TlsClientAuth, TlsListener};
pub use tls::TlsConfig;

/// What the services run with: every value given or defaulted, and checked.
#[derive(Clone, PartialEq)]
pub struct Config {
    /// Where the databases and generated keys are.
    pub data_dir: PathBuf,
    /// `sqlite:<directory>` or `postgres://…`; SQLite in the data directory when `None`. It may have a password.
    pub database_url: Option<String>,
    /// Where events are published to. It may have a password.
    pub nats_url: Option<String>,
    /// Inbound DIDComm.
    pub didcomm_addr: SocketAddr,
    /// The admin dialects.
    pub admin_addr: SocketAddr,
    /// gRPC.
    pub grpc_addr: Listen,
    /// Metrics and probes of this process alone, without a key; nowhere when `None`.
    pub metrics_addr: Option<SocketAddr>,
    /// Where peers reach us; derived from the DIDComm listener when `None`.
    pub endpoint: Option<String>,
    /// Our name.
    pub label: String,
    /// Who may call the admin and gRPC listeners.
    pub access: Access,
    /// The key that this process shows to the others; derived from the administrator's when `None`.
    pub service_key: Option<String>,
    /// Who may call besides the administrator.
    pub callers: Vec<StaticCaller>,
    /// The same, as the file has it.
    pub caller_settings: Vec<CallerSettings>,
    /// Whose tokens count.
    pub issuers: Vec<IssuerSettings>,
    /// TLS of the listeners and of calls to other services.
    pub tls: TlsConfig,
    /// The proxies that are believed.
    pub proxies: Proxies,
    /// The same, as given.
    pub trusted_proxy: Vec<String>,
    /// The mode of the Unix socket.
    pub grpc_unix_mode: u32,
    /// Go on with invitations without asking.
    pub auto_accept_invitations: bool,
    /// Go on with requests without asking.
    pub auto_accept_requests: bool,
    /// Where events go.
    pub webhook_urls: Vec<String>,
    /// Deliver to private addresses; derived from our own endpoint when `None`.
    pub allow_private_endpoints: Option<bool>,
    /// How long what is kept for a time is kept.
    pub retention: Retention,
    /// Where the keystore's master key comes from.
    pub master_key: MasterKey,
    /// Which services run here, each once.
    pub services: Vec<ServiceName>,
    /// Where the others are.
    pub remotes: Remotes,
    /// How long it serves on after SIGTERM, saying that it is not ready.
    pub drain_delay: Duration,
    /// How long an end may take, all in all.
    pub shutdown_timeout: Duration,
    /// Whether tables are brought up to date at the start, or must be.
    pub migrate: bool,
    /// How the log is written.
    pub log_format: Format,
    /// What is logged.
    pub log_level: String,
    /// Where spans go, unless a variable of OpenTelemetry says so.
    pub otlp_endpoint: Option<String>,
    /// How many messages are taken.
    pub didcomm_rates: DidcommRates,
    /// Tell peers of traces, and take theirs.
    pub didcomm_trace_context: bool,
    /// The system may keep the memory of this process if it crashes.
    pub core_dumps: bool,
}

/// The URL of a service's database: in `sqlite:<directory>` each has a file.
#[must_use]
pub fn database_of(url: &str, service: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(folder) => {
            format!("sqlite:{}", Path::new(folder).join(format!("{service}.db")).display())
        }
        None => url.to_owned(),
    }
}

/// How long what is kept for a time is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events and basic messages.
    pub events: Duration,
    /// The ids of messages that had their effect.
    pub message_ids: Duration,
    /// Entries of the audit; for ever without it.
    pub audit: Option<Duration>,
}

/// Messages a second; 0 for no limit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DidcommRates {
    /// From one address.
    pub address: u32,
    /// From one key of a peer.
    pub peer: u32,
}

/// Where the keystore's master key comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum MasterKey {
    /// A file; `master.key` in the data directory when `None`.
    File(Option<PathBuf>),
    /// A passphrase.
    Passphrase(String),
}

/// Who may call the admin and gRPC listeners.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Who has this key.
    Key(String),
    /// Those alone whom the file names.
    Callers,
    /// Who has the key in the data directory, which is made at the first start.
    GeneratedKey,
    /// Everyone who reaches them: for development, on loopback alone.
    Insecure,
}

impl Config {
    /// Joins flags and environment (which clap has joined already) with the file's text, fills in defaults, and checks.
    ///
    /// # Errors
    /// When a value is wrong; the error names the key and what would be right.
    pub fn resolve(given: &Settings, file: Option<(&str, &str)>) -> Result<Self, ConfigError> {
        let settings = match file {
            Some((name, text)) => given.over_file(name, text)?,
            None => given.clone(),
        };
        check::check(settings)
    }

    /// Reads the file that the settings name, if any, and resolves.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Config::resolve`].
    pub fn load(given: &Settings) -> Result<Self, ConfigError> {
        let Some(path) = &given.config else { return Self::resolve(given, None) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { name: name.clone(), source })?;
        Self::resolve(given, Some((&name, &text)))
    }

    /// The URL of a service's database.
    #[must_use]
    pub fn database(&self, service: &str) -> String {
        match self.database_url.as_deref() {
            None => database_of(&format!("sqlite:{}", self.data_dir.display()), service),
            Some(url) => database_of(url, service),
        }
    }

    /// Whether there is TLS anywhere, on a listener or to another service.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        let files = &self.tls.files;
        let remotes = || ServiceName::ALL.into_iter().filter_map(|name| self.remotes.url(name));
        files.pair.is_some() || files.server_ca.is_some() || remotes().any(link::is_https)
    }

    /// Whether a service runs in this process.
    #[must_use]
    pub fn runs(&self, service: ServiceName) -> bool {
        self.services.contains(&service)
    }

    /// As a configuration file, without the secret.
    #[must_use]
    pub fn to_toml(&self) -> String {
        print::to_toml(self)
    }
}
