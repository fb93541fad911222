//! Where a test's own agent receives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_did::PublicKey;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a message may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message that came.
#[derive(Debug)]
pub struct Received {
    /// The plaintext.
    pub message: Value,
    /// Who sent it; `None` if it was anonymous.
    pub sender: Option<PublicKey>,
    /// The envelope as it came.
    pub envelope: Value,
    /// The headers that it came with.
    pub headers: HeaderMap,
    /// The media type that it came with.
    pub content_type: String,
}

impl Received {
    /// The decoded `protected` of the envelope.
    pub fn protected(&self) -> Value {
        let text = self.envelope["protected"].as_str().unwrap().trim_end_matches('=');
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }
}

/// A listener on a free port. It answers 202, unless told otherwise.
pub struct Listener {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
    inbox: Mutex<UnboundedReceiver<Received>>,
}

/// Opens an envelope: the message and its sender.
pub(super) type Open = Box<dyn Fn(&[u8]) -> Option<(Value, Option<PublicKey>)> + Send + Sync>;

struct Shared {
    open: Open,
    status: AtomicU16,
    refused: AtomicUsize,
    inbox: UnboundedSender<Received>,
}

impl Listener {
    /// One that opens nothing: what came is the envelope itself.
    pub async fn sealed() -> Self {
        let read = |bytes: &[u8]| Some((serde_json::from_slice(bytes).ok()?, None));
        Self::start(|_| Box::new(read)).await
    }

    /// What opens its envelopes may depend on where it listens.
    pub(super) async fn start(open: impl FnOnce(&str) -> Open) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let open = open(&url);
        let (sender, receiver) = unbounded_channel();
        let shared = Arc::new(Shared {
            open,
            status: AtomicU16::new(202),
            refused: AtomicUsize::new(0),
            inbox: sender,
        });
        let router = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        Self { url, shared, inbox: Mutex::new(receiver) }
    }

    /// The next message; fails when none comes.
    pub async fn next(&self) -> Received {
        let mut inbox = self.inbox.lock().await;
        let next = tokio::time::timeout(PATIENCE, inbox.recv()).await;
        next.expect("a message for the peer").expect("the listener runs")
    }

    /// Answers this status from now on. What comes with a failure is counted, not read.
    pub fn answer(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    /// How many messages were answered with a failure.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = StatusCode::from_u16(shared.status.load(Ordering::SeqCst)).unwrap();
    if !status.is_success() {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        return status;
    }
    let Some((message, sender)) = (shared.open)(&body) else { return StatusCode::BAD_REQUEST };
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok());
    let received = Received {
        message,
        sender,
        envelope: serde_json::from_slice(&body).unwrap(),
        content_type: content_type.unwrap_or_default().to_owned(),
        headers,
    };
    let _ = shared.inbox.send(received);
    status
}
