//! One seam between services: a generated client over a [`Link`], whether the service is in this process or another.

mod address;
mod attempts;
mod budget;
mod client;
mod members;
mod secure;

use std::convert::Infallible;
use std::sync::Arc;

use entente_tls::{SpiffeId, Tls};
use http::{HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tower::service_fn;
use tower::util::BoxCloneSyncService;

use crate::serve;
use address::Address;
pub use address::socket_path;
use attempts::Remote;
pub use attempts::{BACK_OFF, MAX_ATTEMPTS, MAX_BACK_OFF};
pub use budget::{MAX_TOKENS, TOKENS_OF_SUCCESS};
use client::Place;

/// A tower service that carries gRPC calls to one service. Generated clients take it: `ResolverServiceClient::new(link)`.
pub type Link = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// A link to a generated server in this process: no socket, the same code and layers.
pub fn local<S, F>(server: S) -> Link
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = F>
        + Clone
        + Send
        + Sync
        + 'static,
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    let place: Arc<Place> = Arc::new(Place::in_process());
    BoxCloneSyncService::new(service_fn(move |request| {
        client::call(request, &place, |request| {
            let answer = serve::serve(server.clone(), request);
            async move { answer.await.map_err(|never| match never {}) }
        })
    }))
}

/// A link to several generated servers in this process, told apart by the path of a call.
pub fn routes(routes: tonic::service::Routes) -> Link {
    local(routes)
}

/// A link to a service in another process. It connects at the first call and again when it must.
///
/// `addresses` is one or several, separated by commas: `http://host:port`; `dns:///name:port`, which is every address
/// that the name has, looked up again and again; `unix:/path`. Calls go round them; one that cannot be connected to is
/// passed over for a while. What may be repeated is, when the service is away for a moment. `api_key` is sent with
/// each call.
///
/// # Errors
/// When an address is none, or the key not a header value.
pub fn remote(addresses: &str, api_key: Option<&str>) -> Result<Link, LinkError> {
    connected(addresses, api_key, None)
}

/// The same over TLS, for `https://host:port` and `dns:///name:port`; `http://` and `unix:` stay as they are. Without an
/// `api_key` it is the certificate that says who calls, and a key that came with a call does not go on.
///
/// # Errors
/// As [`remote`].
pub fn secured(
    addresses: &str,
    api_key: Option<&str>,
    security: Security,
) -> Result<Link, LinkError> {
    connected(addresses, api_key, Some(security))
}

/// TLS for a link.
#[derive(Debug, Clone)]
pub struct Security {
    /// Whom to trust, and what to show.
    pub tls: Tls,
    /// Who the service may be; whoever has a certificate for the host's name when there is none.
    pub expected: Arc<[SpiffeId]>,
}

fn connected(
    addresses: &str,
    api_key: Option<&str>,
    security: Option<Security>,
) -> Result<Link, LinkError> {
    let found = address::parse(addresses)?;
    if security.is_none() && found.iter().any(Address::is_https) {
        return Err(LinkError::Plain(addresses.to_owned()));
    }
    let place = Arc::new(Place::of(&found));
    let remote = Arc::new(Remote::new(found, key_header(api_key)?, security));
    Ok(BoxCloneSyncService::new(service_fn(move |request| {
        client::call(request, &place, |request| Arc::clone(&remote).call(request))
    })))
}

/// Whether one of these addresses is `https://`.
#[must_use]
pub fn is_https(addresses: &str) -> bool {
    address::parse(addresses).is_ok_and(|found| found.iter().any(Address::is_https))
}

/// Whether [`remote`] takes these addresses.
///
/// # Errors
/// Names the one that is wrong.
pub fn check(addresses: &str) -> Result<(), LinkError> {
    address::parse(addresses).map(|_: Vec<Address>| ())
}

fn key_header(api_key: Option<&str>) -> Result<Option<HeaderValue>, LinkError> {
    let Some(key) = api_key else { return Ok(None) };
    let mut value = HeaderValue::from_str(key).map_err(|_| LinkError::ApiKey)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Why a link cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not an address.
    #[error(
        "{0:?} is not an address; write http://host:port, https://host:port, dns:///name:port or unix:/path, or several with commas between"
    )]
    Address(String),
    /// TLS, where it was not set up.
    #[error("{0:?} is for TLS, which this link is made without")]
    Plain(String),
    /// Not a header value.
    #[error("the API key has characters that a header may not carry")]
    ApiKey,
}
