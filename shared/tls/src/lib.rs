//! TLS for what listens and for links between services: one pair of certificate and key, read again when the files
//! change, and the SPIFFE ids of who is at the other end. TLS 1.2 and 1.3 on *ring*, as everywhere.

mod files;
mod handshake;
mod link;
mod metrics;
mod spiffe;
mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

pub use files::TlsError;
pub use handshake::{Acceptor, HandshakeError, Room};
pub use spiffe::{Identity, SpiffeId, SpiffeIdError};
pub use tokio_rustls::{client, server};

use files::Material;

/// The files, and what is asked of clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The certificate with its chain, and its key, both PEM: what listeners and links show.
    pub pair: Option<(PathBuf, PathBuf)>,
    /// The authorities of clients (PEM), where clients are asked for a certificate.
    pub client_ca: Option<(PathBuf, ClientAuth)>,
    /// The authorities of the servers that links connect to (PEM); the system's when `None`.
    pub server_ca: Option<PathBuf>,
}

/// What a client without a certificate gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// It may show another credential.
    Optional,
    /// No connection.
    Required,
}

/// The listeners, which differ in what they speak and whom they ask for a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// HTTP/2 alone; clients are asked.
    Grpc,
    /// HTTP/1.1; clients are asked.
    Admin,
    /// HTTP/1.1; peers are not asked.
    Didcomm,
}

/// What the files say, and said at the last time when they could be used. Clones are one.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    settings: Settings,
    current: RwLock<Arc<Material>>,
    /// Whether the last try to read the files failed.
    stale: AtomicBool,
    again: tokio::sync::Notify,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Tls").field(&self.0.settings).finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub fn load(settings: Settings) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(Material::read(&settings)?));
        let (stale, again) = (AtomicBool::new(false), tokio::sync::Notify::new());
        Ok(Self(Arc::new(Inner { settings, current, stale, again })))
    }

    /// Takes connections for a listener; `None` where there is no certificate.
    #[must_use]
    pub fn acceptor(&self, purpose: Purpose) -> Option<Acceptor> {
        self.0.settings.pair.is_some().then(|| Acceptor::new(self.clone(), purpose))
    }

    /// Whether links show a certificate.
    #[must_use]
    pub fn has_pair(&self) -> bool {
        self.0.settings.pair.is_some()
    }

    /// When the certificate in use ends, in seconds since 1970; `None` where there is none.
    #[must_use]
    pub fn expires(&self) -> Option<i64> {
        self.current().expires
    }

    fn current(&self) -> Arc<Material> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, material: Material) {
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
    }

    /// Whether the files changed and cannot be used; what was read before is in use then.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.stale.load(Ordering::Relaxed)
    }
}
