mod shares;

pub(crate) use shares::Shares;

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use entente_rpc::auth::{Callers, Peer};
use entente_tls::Acceptor;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections open at once on a listener; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;
/// Those of them that one address may have, where addresses are limited; further ones are closed.
pub(crate) const SHARE: usize = MAX_CONNECTIONS / 16;
/// How long a request's head may take, and how long a connection may be idle between requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests under way may take once the listener has closed.
const GRACE: Duration = Duration::from_secs(10);

/// Why a listener cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket failed.
    #[error("the listener failed")]
    Accept(#[source] std::io::Error),
}

/// What the gateway listens on: TCP, with TLS or without.
#[derive(Debug)]
pub struct HttpListener {
    tcp: TcpListener,
    tls: Option<Acceptor>,
}

impl From<TcpListener> for HttpListener {
    fn from(tcp: TcpListener) -> Self {
        Self::new(tcp, None)
    }
}

impl HttpListener {
    /// A bound socket, and how to shake hands on it.
    #[must_use]
    pub fn new(tcp: TcpListener, tls: Option<Acceptor>) -> Self {
        Self { tcp, tls }
    }
}

/// Serves HTTP/1.1 until `shutdown` is done, then lets requests under way finish.
pub(crate) async fn serve(
    listener: HttpListener,
    router: Router,
    limits: (Callers, Option<Shares>),
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let connections = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Each connection has a receiver, so that nobody listens any more when the last one has ended.
    let (stop, _) = watch::channel(());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { break };
        let (stream, address) = tokio::select! {
            accepted = listener.tcp.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => match pause_after(&error) {
                    Some(pause) => {
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                    None => return Err(ServeError::Accept(error)),
                },
            },
            () = &mut shutdown => break,
        };
        // A reply is one small write: it must not wait for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        let (stopping, router, peer) = (stop.subscribe(), router.clone(), Peer::at(address));
        let (tls, limits) = (listener.tls.clone(), limits.clone());
        tokio::spawn(async move {
            let answering = Answering { router, stopping, limits };
            match tls {
                None => answering.converse(stream, peer).await,
                Some(tls) => answering.shake(&tls, stream, peer).await,
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = stop.send(());
    if tokio::time::timeout(GRACE, stop.closed()).await.is_err() {
        tracing::warn!("requests were still under way at the end of the grace period");
    }
    Ok(())
}

/// The routes, for a connection: its requests say who is at the other end.
struct WithPeer {
    router: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for WithPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer.clone());
        self.router.call(request)
    }
}

/// What it takes to answer what comes over a connection.
struct Answering {
    router: Router,
    stopping: watch::Receiver<()>,
    limits: (Callers, Option<Shares>),
}

impl Answering {
    async fn shake(self, tls: &Acceptor, stream: TcpStream, peer: Peer) {
        let room = tls.room().await;
        match tls.accept(stream, room).await {
            Ok((stream, identity)) => self.converse(stream, Peer { identity, ..peer }).await,
            Err(error) => {
                let (callers, _) = &self.limits;
                peer.address.iter().for_each(|address| callers.turned_away(address.ip(), &error));
            }
        }
    }

    /// Answers until the connection ends. It has to begin with a head of HTTP/1.1, and soon: a server that looked first
    /// which version is spoken would wait for ever.
    async fn converse<S>(mut self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (callers, shares) = &self.limits;
        let share = shares.as_ref().map(|shares| shares.take(callers, &peer));
        if matches!(share, Some(None)) {
            return;
        }
        let service = WithPeer { router: TowerToHyperService::new(self.router), peer };
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        builder.max_buf_size(64 * 1024);
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = self.stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// How long to wait before the next accept; `None` when the listener itself is broken.
fn pause_after(error: &std::io::Error) -> Option<Duration> {
    use std::io::ErrorKind as K;
    match error.kind() {
        K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted => {
            Some(Duration::ZERO)
        }
        K::InvalidInput | K::Unsupported => None,
        // Out of file descriptors or memory: passes when connections end.
        _ => Some(Duration::from_millis(500)),
    }
}
