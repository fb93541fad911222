//! The services by name.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One of the services of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceName {
    /// Tenants, API keys, audit.
    Access,
    /// DID to document.
    Resolver,
    /// Custody of keys.
    Keystore,
    /// Delivery to endpoints.
    Transport,
    /// Invitations, exchanges, connections, reuse, events.
    Connection,
    /// Inbound DIDComm and the admin dialects.
    Gateway,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Access,
        Self::Resolver,
        Self::Keystore,
        Self::Transport,
        Self::Connection,
        Self::Gateway,
    ];

    /// As flags and keys write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Resolver => "resolver",
            Self::Keystore => "keystore",
            Self::Transport => "transport",
            Self::Connection => "connection",
            Self::Gateway => "gateway",
        }
    }

    /// The services that this one calls; all ask the access service too who calls them, if they are told where it is.
    #[must_use]
    pub fn calls(self) -> &'static [Self] {
        match self {
            Self::Resolver | Self::Keystore => &[],
            Self::Access => &[Self::Keystore, Self::Connection],
            Self::Transport => &[Self::Resolver],
            Self::Connection => &[Self::Resolver, Self::Keystore, Self::Transport],
            Self::Gateway => &[Self::Resolver, Self::Keystore, Self::Transport, Self::Connection],
        }
    }
}

/// The gRPC addresses of services in other processes. Nothing calls the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remotes {
    /// The access service's.
    pub access: Option<String>,
    /// The resolver's.
    pub resolver: Option<String>,
    /// The keystore's.
    pub keystore: Option<String>,
    /// The transport's.
    pub transport: Option<String>,
    /// The connection service's, which serves events too.
    pub connection: Option<String>,
}

impl Remotes {
    /// The address of a service, if it was given.
    #[must_use]
    pub fn url(&self, service: ServiceName) -> Option<&str> {
        match service {
            ServiceName::Access => self.access.as_deref(),
            ServiceName::Resolver => self.resolver.as_deref(),
            ServiceName::Keystore => self.keystore.as_deref(),
            ServiceName::Transport => self.transport.as_deref(),
            ServiceName::Connection => self.connection.as_deref(),
            ServiceName::Gateway => None,
        }
    }
}
