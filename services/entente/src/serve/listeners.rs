//! The listening sockets, and the addresses that they got.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use entente_rpc::Listener;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::ServeError;
use crate::config::{Config, Listen, ServiceName};

/// Sockets that are bound. The gateway's are there only when it runs here.
pub(super) struct Listeners {
    pub(super) gateway: Option<GatewayListeners>,
    pub(super) grpc: Listener,
    pub(super) metrics: Option<TcpListener>,
    pub(super) addresses: Addresses,
}

pub(super) struct GatewayListeners {
    pub(super) didcomm: TcpListener,
    pub(super) admin: TcpListener,
}

/// Where the process listens: with port 0 in the configuration, the real port.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Inbound DIDComm.
    pub didcomm: Option<SocketAddr>,
    /// The admin dialects.
    pub admin: Option<SocketAddr>,
    /// gRPC.
    pub grpc: Listen,
    /// Metrics and probes of this process.
    pub metrics: Option<SocketAddr>,
}

pub(super) async fn bind(config: &Config) -> Result<Listeners, ServeError> {
    let (grpc, grpc_address) = match &config.grpc_addr {
        Listen::Tcp(address) => {
            let (listener, bound) = listen("grpc-addr", *address).await?;
            (listener.into(), Listen::Tcp(bound))
        }
        Listen::Unix(path) => (listen_unix(path).await?.into(), config.grpc_addr.clone()),
    };
    let mut addresses = Addresses { didcomm: None, admin: None, grpc: grpc_address, metrics: None };
    let (mut gateway, mut metrics) = (None, None);
    if let Some(address) = config.metrics_addr {
        let (listener, bound) = listen("metrics-addr", address).await?;
        addresses.metrics = Some(bound);
        metrics = Some(listener);
    }
    if config.runs(ServiceName::Gateway) {
        let (didcomm, didcomm_address) = listen("didcomm-addr", config.didcomm_addr).await?;
        let (admin, admin_address) = listen("admin-addr", config.admin_addr).await?;
        addresses.didcomm = Some(didcomm_address);
        addresses.admin = Some(admin_address);
        gateway = Some(GatewayListeners { didcomm, admin });
    }
    Ok(Listeners { gateway, grpc, metrics, addresses })
}

async fn listen(
    flag: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServeError> {
    let refused = |source| ServeError::Bind { flag, address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// A Unix socket for this user and its group. The file of a process that is gone is replaced; one that is in use is not.
async fn listen_unix(path: &Path) -> Result<UnixListener, ServeError> {
    let address = format!("unix:{}", path.display());
    let refused = |source| ServeError::Bind { flag: "grpc-addr", address: address.clone(), source };
    let nobody = |error: std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
    if UnixStream::connect(path).await.is_err_and(nobody) {
        std::fs::remove_file(path).map_err(refused)?;
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(refused)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpc.sock");
        let first = listen_unix(&path).await.unwrap();
        let error = listen_unix(&path).await.unwrap_err().to_string();
        assert!(error.contains("unix:/") && error.contains("another program"), "{error}");
        drop(first);
        listen_unix(&path).await.unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
    }
}
