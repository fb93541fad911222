//! What stands before replicas: connections go round them.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A proxy, which ends when it is dropped.
pub(super) struct Balancer(JoinHandle<()>);

impl Balancer {
    /// Gives each connection to the next of the addresses.
    pub(super) fn start(listener: TcpListener, to: Vec<SocketAddr>) -> Self {
        Self(tokio::spawn(async move {
            for address in to.iter().cycle().copied() {
                let Ok((client, _)) = listener.accept().await else { return };
                tokio::spawn(carry(client, address));
            }
        }))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn carry(mut client: TcpStream, address: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
