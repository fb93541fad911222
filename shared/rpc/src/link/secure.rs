//! Connections of a link over TLS.

use http::Uri;
use http::uri::Authority;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{Security, address};

/// The port of `https` where none is given.
const PORT: u16 = 443;

/// A channel to an address of a name, or to the name itself, which has to be what the certificate says.
pub(super) fn channel(name: &Authority, address: &str, security: &Security) -> Option<Channel> {
    let endpoint: Endpoint = address::named(name, address, "https")?;
    let (security, host) = (security.clone(), name.host().to_owned());
    Some(endpoint.connect_with_connector_lazy(service_fn(move |place: Uri| {
        let (security, host) = (security.clone(), host.clone());
        async move {
            let at = place.host().unwrap_or_default();
            let at = at.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((at, place.port_u16().unwrap_or(PORT))).await?;
            stream.set_nodelay(true)?;
            security.tls.connect(&host, &security.expected, stream).await.map(TokioIo::new)
        }
    })))
}
