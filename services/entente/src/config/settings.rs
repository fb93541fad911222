//! The settings as they are given: each a flag, an environment variable and a key of the file, each optional.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use entente_rpc::auth::IssuerSettings;
use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};

use super::{ConfigError, ServiceName};

/// Settings by flag or environment; the same type reads the file. A key of the file is a flag without its dashes.
#[derive(Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// A TOML file; its keys are these flags without the dashes
    #[arg(long, env = "ENTENTE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Where databases, the master key and the generated admin key are kept [default: ./entente-data]
    #[arg(long, env = "ENTENTE_DATA_DIR", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,

    /// Where the tables are: sqlite:<directory> or postgres://user@host/name [default: SQLite in --data-dir]
    /// With ?pgbouncer=true behind a proxy that gives each transaction another session
    #[arg(long, env = "ENTENTE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,

    /// Publish events to JetStream, in a stream ENTENTE_EVENTS: nats://host:port or tls://host:port, several with commas
    #[arg(long, env = "ENTENTE_NATS_URL", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_url: Option<String>,

    /// Where DIDComm messages come in, by HTTP POST and WebSocket [default: 127.0.0.1:8030]
    #[arg(long, env = "ENTENTE_DIDCOMM_ADDR", value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub didcomm_addr: Option<String>,

    /// The ACA-Py admin API, /ws, /status and /metrics [default: 127.0.0.1:8031]
    #[arg(long, env = "ENTENTE_ADMIN_ADDR", value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_addr: Option<String>,

    /// The gRPC services, health and reflection: ip:port or unix:/path [default: 127.0.0.1:8032]
    #[arg(long, env = "ENTENTE_GRPC_ADDR", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_addr: Option<String>,

    /// /metrics, /status/live and /status/ready of this process, whatever runs in it, without a key
    /// [default: only where the gateway runs, on --admin-addr]
    #[arg(long, env = "ENTENTE_METRICS_ADDR", value_name = "IP:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_addr: Option<String>,

    /// The URL that peers reach us at [default: http://<didcomm-addr>]
    #[arg(long, env = "ENTENTE_ENDPOINT", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,

    /// Our name, which peers see [default: Entente]
    #[arg(long, env = "ENTENTE_LABEL", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,

    /// The key that admin and gRPC calls must carry; prefer the environment, which `ps` does not show
    /// [default: one is generated, kept in <data-dir>/admin-api-key and printed once]
    #[arg(
        long,
        env = "ENTENTE_ADMIN_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_api_key: Option<String>,

    /// The key that this process shows to the other services, which know it by their `callers`; prefer the environment
    /// [default: one for each service, derived from the admin key, which the processes share then]
    #[arg(
        long,
        env = "ENTENTE_SERVICE_KEY",
        value_name = "KEY",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_key: Option<String>,

    /// Who may call, besides the administrator; in the file alone
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<CallerSettings>,

    /// Whose tokens count; in the file alone
    #[arg(skip)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<IssuerSettings>,

    /// The certificate with its chain, as PEM, of the listeners that --tls-listeners names and of calls to other services;
    /// read again when it changes
    #[arg(long, env = "ENTENTE_TLS_CERT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, as PEM
    #[arg(long, env = "ENTENTE_TLS_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,

    /// Which listeners speak TLS, where there is a --tls-cert [default: grpc,admin]
    #[arg(long, env = "ENTENTE_TLS_LISTENERS", value_name = "NAMES", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_listeners: Vec<TlsListener>,

    /// The authorities, as PEM, of the certificates that clients of gRPC and the admin API show
    #[arg(long, env = "ENTENTE_TLS_CLIENT_CA", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_ca: Option<PathBuf>,

    /// Whether clients need a certificate, where there is a --tls-client-ca [default: required]
    #[arg(long, env = "ENTENTE_TLS_CLIENT_AUTH", value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth: Option<TlsClientAuth>,

    /// The authorities, as PEM, of the other services; makes dns:/// addresses TLS too [default: the system's, for https://]
    #[arg(long, env = "ENTENTE_LINK_CA", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_ca: Option<PathBuf>,

    /// Proxies whose x-forwarded-client-cert and x-forwarded-for are believed: networks as CIDR, addresses, or SPIFFE ids [default: none]
    #[arg(long, env = "ENTENTE_TRUSTED_PROXY", value_name = "WHO", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxy: Vec<String>,

    /// The mode of a Unix socket; but for 600, which is for this user and root alone, the file system says who may use it
    /// [default: 600]
    #[arg(long, env = "ENTENTE_GRPC_UNIX_MODE", value_name = "OCTAL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_unix_mode: Option<String>,

    /// Let everyone call the admin and gRPC listeners without a key; they must be on loopback
    #[arg(long, env = "ENTENTE_ADMIN_INSECURE", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_insecure: Option<bool>,

    /// Send the request for an accepted invitation without asking [default: true]
    #[arg(long, env = "ENTENTE_AUTO_ACCEPT_INVITATIONS", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_accept_invitations: Option<bool>,

    /// Answer requests without asking [default: true]
    #[arg(long, env = "ENTENTE_AUTO_ACCEPT_REQUESTS", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_accept_requests: Option<bool>,

    /// Post each event to <URL>/topic/<topic>/ as ACA-Py does; repeatable. `URL#key` sends the key as x-api-key
    #[arg(
        long = "webhook-url",
        env = "ENTENTE_WEBHOOK_URL",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    #[serde(rename = "webhook-url", default, skip_serializing_if = "Vec::is_empty")]
    pub webhook_urls: Vec<String>,

    /// Deliver to endpoints on loopback and private networks [default: true if our own endpoint is on loopback]
    #[arg(long, env = "ENTENTE_ALLOW_PRIVATE_ENDPOINTS", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_private_endpoints: Option<bool>,

    /// How long events and basic messages are kept: 30d, 12h, 90m [default: 30d]
    #[arg(long, env = "ENTENTE_EVENT_RETENTION", value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_retention: Option<String>,

    /// How long the id of a message is remembered, so that a copy of it has no effect [default: 14d]
    #[arg(long, env = "ENTENTE_MESSAGE_ID_RETENTION", value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id_retention: Option<String>,

    /// How long entries of the audit are kept [default: for ever]
    #[arg(long, env = "ENTENTE_AUDIT_RETENTION", value_name = "TIME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_retention: Option<String>,

    /// The keystore's master key, made at the first start [default: <data-dir>/master.key]
    #[arg(long, env = "ENTENTE_MASTER_KEY_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,

    /// Derive the master key from a passphrase instead; prefer the environment
    #[arg(
        long,
        env = "ENTENTE_MASTER_PASSPHRASE",
        value_name = "TEXT",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_passphrase: Option<String>,

    /// The services that run in this process; the others are found by --<service>-url [default: all]
    #[arg(long, env = "ENTENTE_SERVICES", value_name = "NAMES", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceName>,

    /// Where the access service is, if not in this process; without it only the administrator and the file's callers
    /// can call
    #[arg(long, env = "ENTENTE_ACCESS_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_url: Option<String>,

    /// Where the resolver is, if not in this process: http://host:port, dns:///name:port, unix:/path,
    /// or several with commas between; calls go round them
    #[arg(long, env = "ENTENTE_RESOLVER_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver_url: Option<String>,

    /// Where the keystore is, if not in this process
    #[arg(long, env = "ENTENTE_KEYSTORE_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keystore_url: Option<String>,

    /// Where the transport is, if not in this process
    #[arg(long, env = "ENTENTE_TRANSPORT_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport_url: Option<String>,

    /// Where the connection service is, if not in this process
    #[arg(long, env = "ENTENTE_CONNECTION_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_url: Option<String>,

    /// How many seconds to serve on after SIGTERM, not ready, until balancers know; not after Ctrl-C [default: 5]
    #[arg(long, env = "ENTENTE_DRAIN_DELAY", value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(0..=3600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_delay: Option<u32>,

    /// How many seconds an end may take at most, from SIGTERM on [default: 20]
    #[arg(long, env = "ENTENTE_SHUTDOWN_TIMEOUT", value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout: Option<u32>,

    /// Bring the tables up to date at the start; false where `entente migrate` does it [default: true]
    #[arg(long, env = "ENTENTE_MIGRATE", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate: Option<bool>,

    /// How log lines are written [default: text]
    #[arg(long, env = "ENTENTE_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, trace, or module=level pairs [default: info]
    #[arg(long, env = "ENTENTE_LOG_LEVEL", value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,

    /// Send spans to an OpenTelemetry collector, by OTLP over gRPC: http://host:port
    /// [default: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT; without any, there are no spans]
    #[arg(long, env = "ENTENTE_OTLP_ENDPOINT", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,

    /// Requests a second that are taken from one address, and five times as many at once; 0 for no limit [default: 0]
    #[arg(long, env = "ENTENTE_DIDCOMM_ADDRESS_RATE", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub didcomm_address_rate: Option<u32>,

    /// Messages a second that are taken from one key of a peer, and five times as many at once; 0 for no limit [default: 0]
    #[arg(long, env = "ENTENTE_DIDCOMM_PEER_RATE", value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub didcomm_peer_rate: Option<u32>,

    /// Tell peers, inside of the encrypted messages, which trace a message belongs to, and take it from theirs
    /// [default: false]
    #[arg(long, env = "ENTENTE_DIDCOMM_TRACE_CONTEXT", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub didcomm_trace_context: Option<bool>,

    /// Let the system keep the memory of a process that crashes, private keys and all: for debugging [default: false]
    #[arg(long, env = "ENTENTE_CORE_DUMPS", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_dumps: Option<bool>,
}

/// Somebody who may call: a table `[[callers]]` of the file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CallerSettings {
    /// By what the audit names it.
    pub name: String,
    /// SHA-256 of its key, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// A file with its key, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The SPIFFE id in its certificate, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<String>,
    /// What it may do.
    pub roles: Vec<String>,
    /// The tenant that it belongs to; none for a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A listener that may speak TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsListener {
    /// `--grpc-addr`, unless it is a Unix socket.
    Grpc,
    /// `--admin-addr`.
    Admin,
    /// `--didcomm-addr`.
    Didcomm,
}

/// What a client without a certificate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsClientAuth {
    /// It may show another credential.
    Optional,
    /// No connection.
    Required,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// These settings, and the file's where these have none.
    pub(super) fn over_file(&self, name: &str, text: &str) -> Result<Self, ConfigError> {
        // The file alone first, so that every error is known to be the file's.
        let file: Self = Figment::from(Toml::string(text))
            .extract()
            .map_err(|error| ConfigError::in_file(name, error))?;
        Figment::from(Serialized::defaults(file))
            .merge(Serialized::defaults(self))
            .extract()
            .map_err(|error| ConfigError::in_file(name, error))
    }
}
