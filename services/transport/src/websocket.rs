//! Delivery over a WebSocket (RFC 0025): a connection for each message, which is one frame.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entente_net::{AddressPolicy, cause, connect, refusal, tls_config};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use url::Url;

use crate::error::TransportError;
use crate::http::Answer;

/// How long the peer may take to answer the closing of a socket.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest message that we take while we close, in bytes.
const MAX_INCOMING: usize = 64 * 1024;

/// Sends over WebSockets.
pub(crate) struct WebSockets {
    policy: AddressPolicy,
    connect_timeout: Duration,
    tls: TlsConnector,
}

impl WebSockets {
    pub(crate) fn new(
        policy: AddressPolicy,
        connect_timeout: Duration,
    ) -> Result<Self, rustls::Error> {
        Ok(Self { policy, connect_timeout, tls: Arc::new(tls_config()?).into() })
    }

    /// Sends a packed message. The caller limits the whole time.
    pub(crate) async fn send(&self, url: &Url, envelope: Bytes) -> Result<Answer, TransportError> {
        let failed = |reason: String| TransportError::Unavailable { url: url.to_string(), reason };
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let connected = timeout(self.connect_timeout, connect(self.policy, host, port)).await;
        let stream = connected.map_err(|_| failed("no connection in time".to_owned()))?.map_err(
            |error| match refusal(&error) {
                Some(refused) => {
                    TransportError::Refused { url: url.to_string(), refused: refused.clone() }
                }
                None => failed(cause(&error)),
            },
        )?;
        if url.scheme() == "ws" {
            return exchange(url, stream, envelope).await;
        }
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|error| failed(error.to_string()))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| failed(cause(&error)))?;
        exchange(url, stream, envelope).await
    }
}

async fn exchange<S>(url: &Url, stream: S, envelope: Bytes) -> Result<Answer, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |error: Error| match error {
        Error::Http(response) => TransportError::Status {
            url: url.to_string(),
            status: response.status().as_u16(),
            retry_after: None,
        },
        error => TransportError::Unavailable { url: url.to_string(), reason: cause(&error) },
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_INCOMING))
        .max_frame_size(Some(MAX_INCOMING));
    let (mut socket, _) =
        client_async_with_config(url.as_str(), stream, Some(config)).await.map_err(failed)?;
    socket.send(Message::Binary(envelope)).await.map_err(failed)?;
    socket.close(None).await.map_err(failed)?;
    // Until the peer has closed too, the message may be on the way.
    let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    Ok(Answer { status: 101, reply: Vec::new() })
}
