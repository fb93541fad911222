//! HTTP/1.1 and HTTP/2 on a socket that anyone may reach: whoever says nothing is not waited for.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep};

/// Connections open at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;
/// How long a head may take, and how long a connection may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often who speaks HTTP/2 is asked whether it is there, so that a stream without news is not taken for silence.
const PING: Duration = Duration::from_secs(10);
/// How long requests under way may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stopped` is done.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: impl Future<Output = ()>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PING);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Each connection has a receiver, so that nobody listens any more when the last one has ended.
    let (stop, _) = watch::channel(());
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "no connection could be taken");
                    // Out of file descriptors: it passes when connections end.
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stopped => break,
        };
        // An answer is one small write: it must not wait for the other end's acknowledgement.
        let _ = stream.set_nodelay(true);
        tokio::spawn(converse(stream, builder.clone(), router.clone(), stop.subscribe(), permit));
    }
    drop(listener);
    let _ = stop.send(());
    let _ = tokio::time::timeout(GRACE, stop.closed()).await;
}

async fn converse(
    stream: TcpStream,
    builder: Builder<TokioExecutor>,
    router: Router,
    mut stopping: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
) {
    let stream = TokioIo::new(Patient { stream, limit: Box::pin(sleep(PATIENCE)) });
    let connection = builder.serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended early");
    }
}

/// A connection that ends when nothing has come over it for so long.
struct Patient {
    stream: TcpStream,
    limit: Pin<Box<Sleep>>,
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.limit.as_mut().reset(Instant::now() + PATIENCE);
        } else if self.limit.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
