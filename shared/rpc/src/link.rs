//! One seam between services: a generated client over a [`Link`], whether the service is in this process or another.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

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
    BoxCloneSyncService::new(ServiceExt::<Request<Body>>::map_err(server, |never| match never {}))
}

/// A link to several generated servers in this process, told apart by the path of a call.
pub fn routes(routes: tonic::service::Routes) -> Link {
    local(routes)
}

/// A link to a service in another process, `http://host:port`. It connects at the first call and again when it must.
/// `api_key` is sent with each call.
///
/// # Errors
/// When the address is not a URI, or the key not a header value.
pub fn remote(address: &str, api_key: Option<&str>) -> Result<Link, LinkError> {
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|_| LinkError::Address(address.to_owned()))?
        .connect_timeout(Duration::from_secs(3))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_while_idle(true);
    Ok(from_channel(endpoint.connect_lazy(), key_header(api_key)?))
}

fn key_header(api_key: Option<&str>) -> Result<Option<http::HeaderValue>, LinkError> {
    let Some(key) = api_key else { return Ok(None) };
    let mut value = http::HeaderValue::from_str(key).map_err(|_| LinkError::ApiKey)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn from_channel(channel: Channel, key: Option<http::HeaderValue>) -> Link {
    let service =
        ServiceExt::<Request<Body>>::map_request(channel, move |mut request: Request<Body>| {
            if let Some(key) = &key {
                request.headers_mut().insert(crate::auth::API_KEY_HEADER, key.clone());
            }
            request
        });
    let service =
        ServiceExt::<Request<Body>>::map_err(service, |error: tonic::transport::Error| {
            Status::unavailable(format!("the service cannot be reached: {error}"))
        });
    BoxCloneSyncService::new(service)
}

/// Why a link cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not a URI.
    #[error("{0:?} is not an address; write http://host:port")]
    Address(String),
    /// Not a header value.
    #[error("the API key has characters that a header may not carry")]
    ApiKey,
}
