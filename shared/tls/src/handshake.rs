//! Connections that come in.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{Identity, Purpose, Tls, metrics};

/// How long a client may take to shake hands.
const TIME: Duration = Duration::from_secs(5);
/// Handshakes under way at once on a listener.
const AT_ONCE: usize = 1024;

/// Takes the TLS connections of a listener, each with the certificate that there is at that moment. Clones are one.
#[derive(Debug, Clone)]
pub struct Acceptor {
    tls: Tls,
    purpose: Purpose,
    room: Arc<Semaphore>,
    time: Duration,
}

/// Room for a handshake.
#[derive(Debug)]
pub struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The client took too long.
    #[error("the client took more than {0:?} for the handshake")]
    Late(Duration),
    /// The client's certificate is missing, wrong or expired.
    #[error("the client certificate is refused: {0}")]
    Certificate(rustls::Error),
    /// No common version, protocol or cipher, or not TLS at all.
    #[error("the handshake failed: {0}")]
    Protocol(rustls::Error),
    /// The connection broke.
    #[error("the connection broke in the handshake: {0}")]
    Io(std::io::Error),
}

impl HandshakeError {
    fn of(error: std::io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(
                cause @ (rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented),
            ) => Self::Certificate(cause.clone()),
            Some(cause) => Self::Protocol(cause.clone()),
            None => Self::Io(error),
        }
    }

    /// Whether it was the client's credential that was refused.
    #[must_use]
    pub fn is_credential(&self) -> bool {
        matches!(self, Self::Certificate(_))
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Late(_) => "late",
            Self::Certificate(_) => "certificate",
            Self::Protocol(_) => "protocol",
            Self::Io(_) => "io",
        }
    }
}

impl Acceptor {
    pub(crate) fn new(tls: Tls, purpose: Purpose) -> Self {
        Self { tls, purpose, room: Arc::new(Semaphore::new(AT_ONCE)), time: TIME }
    }

    /// Waits for room for one handshake more, before a connection is accepted.
    pub async fn room(&self) -> Room {
        // It is never closed.
        Room { _permit: Arc::clone(&self.room).acquire_owned().await.ok() }
    }

    /// Shakes hands, and says who is at the other end.
    ///
    /// # Errors
    /// [`HandshakeError`], which is counted.
    pub async fn accept(
        &self,
        stream: TcpStream,
        room: Room,
    ) -> Result<(TlsStream<TcpStream>, Identity), HandshakeError> {
        let shaken = tokio::time::timeout(self.time, self.shake(stream)).await;
        drop(room);
        let shaken = shaken.unwrap_or(Err(HandshakeError::Late(self.time)));
        if let Err(error) = &shaken {
            metrics::refused(self.purpose, error.reason());
        }
        shaken
    }

    async fn shake(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Identity), HandshakeError> {
        let Some(config) = self.tls.current().server(self.purpose) else {
            return Err(HandshakeError::Protocol(rustls::Error::NoCertificatesPresented));
        };
        let stream = TlsAcceptor::from(config).accept(stream).await.map_err(HandshakeError::of)?;
        let identity = Identity::of(stream.get_ref().1.peer_certificates());
        Ok((stream, identity))
    }
}
