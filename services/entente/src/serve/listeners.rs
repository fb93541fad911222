//! The listening sockets, and the addresses that they got.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use entente_gateway::HttpListener;
use entente_rpc::Listener;
use entente_tls::{Purpose, Tls};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::ServeError;
use crate::config::{Config, Listen, ServiceName, TlsListener};

/// Sockets that are bound. The gateway's are there only when it runs here.
pub(super) struct Listeners {
    pub(super) gateway: Option<GatewayListeners>,
    pub(super) grpc: Listener,
    pub(super) metrics: Option<TcpListener>,
    pub(super) addresses: Addresses,
}

pub(super) struct GatewayListeners {
    pub(super) didcomm: HttpListener,
    pub(super) admin: HttpListener,
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
    tls: Vec<TlsListener>,
}

impl Addresses {
    /// Where DIDComm comes in.
    pub fn didcomm_url(&self) -> Option<String> {
        self.didcomm.map(|address| format!("{}://{address}", self.scheme(TlsListener::Didcomm)))
    }

    /// Where the admin dialects are.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.map(|address| format!("{}://{address}", self.scheme(TlsListener::Admin)))
    }

    /// Where gRPC is.
    pub fn grpc_url(&self) -> String {
        match &self.grpc {
            Listen::Tcp(address) => format!("{}://{address}", self.scheme(TlsListener::Grpc)),
            Listen::Unix(_) => self.grpc.to_string(),
        }
    }

    fn scheme(&self, listener: TlsListener) -> &'static str {
        if self.tls.contains(&listener) { "https" } else { "http" }
    }
}

pub(super) async fn bind(config: &Config, tls: Option<&Tls>) -> Result<Listeners, ServeError> {
    let acceptor = |listener, purpose| {
        tls.filter(|_| config.tls.covers(listener)).and_then(|tls| tls.acceptor(purpose))
    };
    let (grpc, grpc_address) = match &config.grpc_addr {
        Listen::Tcp(address) => {
            let (listener, bound) = listen("grpc-addr", *address).await?;
            let listener = match acceptor(TlsListener::Grpc, Purpose::Grpc) {
                Some(acceptor) => Listener::Tls(listener, acceptor),
                None => listener.into(),
            };
            (listener, Listen::Tcp(bound))
        }
        Listen::Unix(path) => {
            (listen_unix(path, config.grpc_unix_mode).await?, config.grpc_addr.clone())
        }
    };
    let mut addresses = Addresses {
        didcomm: None,
        admin: None,
        grpc: grpc_address,
        metrics: None,
        tls: config.tls.listeners.clone(),
    };
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
        gateway = Some(GatewayListeners {
            didcomm: HttpListener::new(didcomm, acceptor(TlsListener::Didcomm, Purpose::Didcomm)),
            admin: HttpListener::new(admin, acceptor(TlsListener::Admin, Purpose::Admin)),
        });
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

/// A Unix socket: of mode 600 it is for this user and root alone, whoever can reach the file. The file of a process that is
/// gone is replaced; one that is in use is not.
async fn listen_unix(path: &Path, mode: u32) -> Result<Listener, ServeError> {
    let address = format!("unix:{}", path.display());
    let refused = |source| ServeError::Bind { flag: "grpc-addr", address: address.clone(), source };
    let nobody = |error: std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
    if UnixStream::connect(path).await.is_err_and(nobody) {
        std::fs::remove_file(path).map_err(refused)?;
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(refused)?;
    // Who made the file is who this process is.
    let owner = std::fs::metadata(path).map_err(refused)?.uid();
    Ok(Listener::Unix(listener, (mode & 0o077 == 0).then_some(owner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rpc.sock");
        let first = listen_unix(&path, 0o600).await.unwrap();
        let error = listen_unix(&path, 0o600).await.unwrap_err().to_string();
        assert!(error.contains("unix:/") && error.contains("another program"), "{error}");
        drop(first);
        let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        let closed = listen_unix(&path, 0o600).await.unwrap();
        let owner = path.metadata().unwrap().uid();
        assert!(matches!(closed, Listener::Unix(_, Some(user)) if user == owner));
        drop(closed);
        let open = listen_unix(&path, 0o660).await.unwrap();
        assert!(matches!(open, Listener::Unix(_, None)));
        assert_eq!(mode(), 0o660);
    }
}
