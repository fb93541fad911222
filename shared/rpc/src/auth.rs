//! Authentication at the edge: a call from the network comes in with an API key, and goes on with a tenant.

mod principal;
mod roles;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Request, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tonic::body::Body;
use tonic::codegen::Service;
use tower::Layer;

pub use principal::{ADMIN, Permit, Principal};
pub use roles::Roles;

use crate::caller::{DEFAULT_TENANT, TENANT_KEY};
use crate::{ErrorReason, Failure, Status};

/// The header that carries an API key; `authorization: Bearer` works too.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Which API keys are let in. Keys are compared by digest, in constant time.
#[derive(Clone)]
pub struct ApiKeys {
    digests: Option<Arc<[[u8; 32]]>>,
}

impl ApiKeys {
    /// Only these keys.
    pub fn only<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self { digests: Some(keys.into_iter().map(digest).collect()) }
    }

    /// Everyone, without a key. For development on loopback.
    #[must_use]
    pub fn insecure() -> Self {
        Self { digests: None }
    }

    /// Whether a key is one of ours.
    #[must_use]
    pub fn allow(&self, key: Option<&str>) -> bool {
        let Some(digests) = &self.digests else { return true };
        let Some(key) = key else { return false };
        let presented = digest(key);
        digests.iter().fold(false, |found, known| found | bool::from(known.ct_eq(&presented)))
    }

    /// Whether the headers carry a key of ours, in `x-api-key`, `apikey` or `authorization: Bearer`.
    #[must_use]
    pub fn allow_headers(&self, headers: &HeaderMap) -> bool {
        self.allow(key_in(headers))
    }
}

/// The API key that the headers carry.
#[must_use]
pub fn key_in(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let (scheme, token) = text("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    };
    text(API_KEY_HEADER).or_else(|| text("apikey")).or_else(bearer)
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The layer that lets only authenticated calls through, and sets their tenant.
#[derive(Clone)]
pub struct Authenticate {
    keys: ApiKeys,
}

impl Authenticate {
    /// Lets in who has one of the keys. Health needs none, so that probes work.
    #[must_use]
    pub fn new(keys: ApiKeys) -> Self {
        Self { keys }
    }
}

impl<S> Layer<S> for Authenticate {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, keys: self.keys.clone() }
    }
}

/// See [`Authenticate`].
#[derive(Clone)]
pub struct Authenticated<S> {
    inner: S,
    keys: ApiKeys,
}

impl<S> Service<Request<Body>> for Authenticated<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let open = request.uri().path().starts_with("/grpc.health.v1.Health/");
        if !open && !self.keys.allow_headers(request.headers()) {
            let failure = Failure::new(
                ErrorReason::Unauthenticated,
                "send the API key as x-api-key or as authorization: Bearer",
            );
            return Either::Right(ready(Ok(Status::from(failure).into_http())));
        }
        let headers = request.headers_mut();
        headers.remove(API_KEY_HEADER);
        headers.remove("authorization");
        headers.insert(TENANT_KEY, HeaderValue::from_static(DEFAULT_TENANT));
        Either::Left(self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_each_header() {
        let keys = ApiKeys::only(["secret"]);
        for (name, value) in
            [("x-api-key", "secret"), ("apikey", "secret"), ("authorization", "Bearer secret")]
        {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            assert!(keys.allow_headers(&headers), "{name}");
        }
        assert!(!keys.allow(Some("secret2")));
        assert!(!keys.allow(None));
        assert!(ApiKeys::insecure().allow(None));
    }
}
