//! What a gRPC server listens on: TCP, with TLS or without, or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use entente_tls::server::TlsStream;
use entente_tls::{Acceptor, HandshakeError, Room};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::Connected;

use crate::auth::Peer;

/// How long whoever connects may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// The bytes that everyone begins with (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// A socket that is bound.
#[derive(Debug)]
pub enum Listener {
    /// An address of this machine.
    Tcp(TcpListener),
    /// The same, with TLS.
    Tls(TcpListener, Acceptor),
    /// A file, for callers on this machine: if an owner is given, for that user and root alone.
    Unix(UnixListener, Option<u32>),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener, None)
    }
}

impl Listener {
    /// The connections as they come, each cut after a time. Whom the handshake turns away is told to `refused`.
    pub(crate) fn incoming(
        self,
        longest: Duration,
        refused: impl Fn(SocketAddr, &HandshakeError) + Clone + Send + Sync + 'static,
    ) -> impl Stream<Item = io::Result<Connection>> {
        let incoming = Incoming { listener: self, longest, handshakes: JoinSet::new() };
        futures_util::stream::unfold(incoming, move |mut incoming| {
            let refused = refused.clone();
            async move { Some((incoming.next(refused).await, incoming)) }
        })
    }

    /// A connection; for TLS with room for its handshake, which is still to come.
    async fn accept(&self) -> io::Result<(Socket, Peer, Option<Room>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = accept(listener).await?;
                Ok((Socket::Tcp(stream), Peer::at(address), None))
            }
            Self::Tls(listener, acceptor) => {
                let room = acceptor.room().await;
                let (stream, address) = accept(listener).await?;
                Ok((Socket::Tcp(stream), Peer::at(address), Some(room)))
            }
            Self::Unix(listener, owner) => loop {
                let stream = listener.accept().await?.0;
                let user = stream.peer_cred()?.uid();
                if owner.is_none_or(|owner| user == owner || user == 0) {
                    return Ok((Socket::Unix(stream), Peer::default(), None));
                }
                tracing::warn!(user, "another user's connection to the Unix socket is refused");
            },
        }
    }
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept().await?;
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    Ok((stream, address))
}

/// A listener with the handshakes that are under way, of which none holds up another.
struct Incoming {
    listener: Listener,
    longest: Duration,
    handshakes: JoinSet<Option<Connection>>,
}

impl Incoming {
    async fn next(
        &mut self,
        refused: impl Fn(SocketAddr, &HandshakeError) + Clone + Send + Sync + 'static,
    ) -> io::Result<Connection> {
        loop {
            let accepted = tokio::select! {
                Some(shaken) = self.handshakes.join_next() => match shaken {
                    Ok(Some(connection)) => return Ok(connection),
                    _ => continue,
                },
                accepted = self.listener.accept() => accepted,
            };
            let longest = self.longest;
            match (accepted, &self.listener) {
                (Ok((Socket::Tcp(stream), peer, Some(room))), Listener::Tls(_, acceptor)) => {
                    let (acceptor, refused) = (acceptor.clone(), refused.clone());
                    self.handshakes.spawn(async move {
                        match acceptor.accept(stream, room).await {
                            Ok((stream, identity)) => {
                                let stream = Socket::Tls(Box::new(stream));
                                Some(Connection::new(stream, Peer { identity, ..peer }, longest))
                            }
                            Err(error) => {
                                peer.address.iter().for_each(|address| refused(*address, &error));
                                None
                            }
                        }
                    });
                }
                (Ok((stream, peer, _)), _) => return Ok(Connection::new(stream, peer, longest)),
                (Err(error), _) => {
                    // Out of file descriptors: it passes when connections end.
                    sleep(Duration::from_millis(100)).await;
                    return Err(error);
                }
            }
        }
    }
}

enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// A connection that is cut when its time is over, for who did not go when asked to; and soon, for who does not begin.
pub(crate) struct Connection {
    stream: Socket,
    peer: Peer,
    limit: Pin<Box<Sleep>>,
    end: Instant,
    /// Bytes that are still to come before it has begun.
    preface: usize,
}

impl Connection {
    fn new(stream: Socket, peer: Peer, longest: Duration) -> Self {
        let end = Instant::now() + longest;
        let limit = Box::pin(sleep(longest.min(PATIENCE)));
        Self { stream, peer, limit, end, preface: PREFACE }
    }

    fn heard(&mut self, bytes: usize) {
        if self.preface > 0 {
            self.preface = self.preface.saturating_sub(bytes);
            if self.preface == 0 {
                self.limit.as_mut().reset(self.end);
            }
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer { ends_at: Some(self.end), ..self.peer.clone() }
    }
}

/// Does the same with each kind of stream.
macro_rules! either {
    ($connection:expr, $stream:ident => $work:expr) => {
        match &mut $connection.stream {
            Socket::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $work
            }
            Socket::Tls(stream) => {
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
        let before = buffer.filled().len();
        let read = either!(self, stream => stream.poll_read(context, buffer));
        self.heard(buffer.filled().len() - before);
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
            Socket::Tls(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}
