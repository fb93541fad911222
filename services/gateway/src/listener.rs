use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections open at once on a listener; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;
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

/// Serves HTTP/1.1 until `shutdown` is done, then lets requests under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let connections = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else { break };
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
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
        let connection = graceful.watch(connection(stream, WithPeer::new(router.clone(), address)));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end of the grace period");
    }
    Ok(())
}

/// The routes, for a connection: its requests say from where they come.
struct WithPeer {
    router: TowerToHyperService<Router>,
    address: SocketAddr,
}

impl WithPeer {
    fn new(router: Router, address: SocketAddr) -> Self {
        Self { router: TowerToHyperService::new(router), address }
    }
}

impl Service<Request<Incoming>> for WithPeer {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.address));
        self.router.call(request)
    }
}

fn connection(
    stream: TcpStream,
    service: WithPeer,
) -> hyper_util::server::conn::auto::UpgradeableConnection<
    'static,
    TokioIo<TcpStream>,
    WithPeer,
    TokioExecutor,
> {
    // A reply is one small write: it must not wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024);
    builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()
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
