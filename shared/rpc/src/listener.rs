//! What a gRPC server listens on: TCP or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

/// A socket that is bound.
#[derive(Debug)]
pub enum Listener {
    /// An address of this machine.
    Tcp(TcpListener),
    /// A file, for callers on this machine.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl Listener {
    /// The connections as they come, each cut after a time.
    pub(crate) fn incoming(self, longest: Duration) -> impl Stream<Item = io::Result<Connection>> {
        futures_util::stream::unfold(self, move |listener| async move {
            let accepted = listener.accept().await;
            if accepted.is_err() {
                // Out of file descriptors: it passes when connections end.
                sleep(Duration::from_millis(100)).await;
            }
            let limit = Box::pin(sleep(longest));
            let connection = |(stream, peer)| Connection { stream, peer, limit };
            Some((accepted.map(connection), listener))
        })
    }

    async fn accept(&self) -> io::Result<(Socket, Peer)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // A small answer must not wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                (Socket::Tcp(stream), Peer { address: Some(address) })
            }
            Self::Unix(listener) => {
                (Socket::Unix(listener.accept().await?.0), Peer { address: None })
            }
        })
    }
}

/// Who is at the other end of a connection: an extension of each of its requests.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that is cut when its time is over, for who did not go when asked to.
pub(crate) struct Connection {
    stream: Socket,
    peer: Peer,
    limit: Pin<Box<Sleep>>,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// Does the same with either kind of stream.
macro_rules! either {
    ($connection:expr, $stream:ident => $work:expr) => {
        match &mut $connection.stream {
            Socket::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $work
            }
            Socket::Unix(stream) => {
                let $stream = Pin::new(stream);
                $work
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = either!(self, stream => stream.poll_read(context, buffer));
        if read.is_pending() && self.limit.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
