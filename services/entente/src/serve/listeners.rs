//! The listening sockets, and the addresses that they got.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::ServeError;
use crate::config::{Config, ServiceName};

/// Sockets that are bound. The gateway's are there only when it runs here.
pub(super) struct Listeners {
    pub(super) gateway: Option<GatewayListeners>,
    pub(super) grpc: TcpListener,
    pub(super) addresses: Addresses,
}

pub(super) struct GatewayListeners {
    pub(super) didcomm: TcpListener,
    pub(super) admin: TcpListener,
}

/// Where the process listens: with port 0 in the configuration, the real port.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Inbound DIDComm.
    pub didcomm: Option<SocketAddr>,
    /// The admin dialects.
    pub admin: Option<SocketAddr>,
    /// gRPC.
    pub grpc: SocketAddr,
}

pub(super) async fn bind(config: &Config) -> Result<Listeners, ServeError> {
    let (grpc, grpc_address) = listen("grpc-addr", config.grpc_addr).await?;
    let mut addresses = Addresses { didcomm: None, admin: None, grpc: grpc_address };
    let mut gateway = None;
    if config.runs(ServiceName::Gateway) {
        let (didcomm, didcomm_address) = listen("didcomm-addr", config.didcomm_addr).await?;
        let (admin, admin_address) = listen("admin-addr", config.admin_addr).await?;
        addresses.didcomm = Some(didcomm_address);
        addresses.admin = Some(admin_address);
        gateway = Some(GatewayListeners { didcomm, admin });
    }
    Ok(Listeners { gateway, grpc, addresses })
}

async fn listen(
    flag: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServeError> {
    let refused = |source| ServeError::Bind { flag, address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}
