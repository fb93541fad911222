//! A proxy on the way to an address, which breaks what goes through as a test wants it. It knows bytes; of messages
//! [`Relay`](crate::acapy::Relay) knows, which is behind one.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How what goes through is broken: what is on its way already, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// A connection is reset in the middle of what its client sends.
    Reset,
    /// A connection ends in the middle of the answer.
    Truncated,
    /// Connections are taken, and nothing is ever answered, nor passed on.
    BlackHole,
    /// A kilobyte a second is passed on.
    Slow,
}

/// A piece of what is sent slowly, and the pause after it.
const SLOW: (usize, Duration) = (100, Duration::from_millis(100));

/// Passes connections on.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: String,
    line: watch::Sender<Line>,
}

#[derive(Debug)]
struct Line {
    to: String,
    fault: Option<Fault>,
}

impl Proxy {
    /// Listens on a free port, for connections to an address.
    pub async fn start(to: &str) -> Self {
        let listener = TcpListener::bind(crate::suite::free_address()).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (line, watched) = watch::channel(Line { to: to.to_owned(), fault: None });
        tokio::spawn(serve(listener, watched));
        Self { address, line }
    }

    /// Where it listens: `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Breaks what goes through from now on.
    pub fn fail(&self, fault: Fault) {
        self.line.send_modify(|line| line.fault = Some(fault));
    }

    /// Lets all go through again.
    pub fn mend(&self) {
        self.line.send_modify(|line| line.fault = None);
    }
}

async fn serve(listener: TcpListener, mut line: watch::Receiver<Line>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    loop {
        let refuses = line.borrow_and_update().fault == Some(Fault::Refused);
        listener = match listener.take().filter(|_| !refuses) {
            None if !refuses => Some(TcpListener::bind(address).await.unwrap()),
            listener => listener,
        };
        tokio::select! {
            Ok((client, _)) = accept(listener.as_ref()) => {
                tokio::spawn(pass(client, line.clone()));
            }
            changed = line.changed() => if changed.is_err() { return },
        }
    }
}

async fn accept(
    listener: Option<&TcpListener>,
) -> std::io::Result<(TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Passes one connection on, until it ends or breaks.
async fn pass(mut client: TcpStream, mut line: watch::Receiver<Line>) {
    let to = line.borrow().to.clone();
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut swallowed = false;
    loop {
        let mut fault = line.borrow_and_update().fault;
        if swallowed {
            // What is gone cannot be followed by what comes after it.
            fault = Some(Fault::BlackHole);
        }
        if fault == Some(Fault::Refused) {
            return reset(&client, &server);
        }
        let passed = tokio::select! {
            read = client.read(&mut asked) => {
                let read = read.unwrap_or(0);
                match fault {
                    Some(Fault::BlackHole) if read > 0 => {
                        swallowed = true;
                        true
                    }
                    Some(Fault::Reset) if read > 0 => {
                        let _ = server.write_all(&asked[..read / 2]).await;
                        return reset(&client, &server);
                    }
                    _ => send(&mut server, &asked[..read], fault).await,
                }
            }
            read = server.read(&mut answered), if fault != Some(Fault::BlackHole) => {
                let read = read.unwrap_or(0);
                match fault {
                    Some(Fault::Truncated) => {
                        let _ = client.write_all(&answered[..read / 2]).await;
                        false
                    }
                    _ => send(&mut client, &answered[..read], fault).await,
                }
            }
            changed = line.changed() => changed.is_ok(),
        };
        if !passed {
            return;
        }
    }
}

/// False at the end of what there is to send.
async fn send(to: &mut TcpStream, bytes: &[u8], fault: Option<Fault>) -> bool {
    if fault != Some(Fault::Slow) {
        return !bytes.is_empty() && to.write_all(bytes).await.is_ok();
    }
    for piece in bytes.chunks(SLOW.0) {
        if to.write_all(piece).await.is_err() {
            return false;
        }
        sleep(SLOW.1).await;
    }
    !bytes.is_empty()
}

fn reset(client: &TcpStream, server: &TcpStream) {
    for stream in [client, server] {
        let _ = stream.set_zero_linger();
    }
}
