//! The edge: a call from the network comes in with a credential, and goes on with a tenant and the caller's name.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tower::Layer;

use super::{Behalf, Callers, Peer, behalf};
use crate::caller::TENANT_KEY;

/// The layer that lets calls through by who makes them. Health needs nobody, so that probes work.
#[derive(Clone)]
pub(crate) struct Authenticate(Callers);

/// See [`Authenticate`].
#[derive(Clone)]
pub(crate) struct Authenticated<S> {
    inner: S,
    callers: Callers,
}

impl Authenticate {
    pub(crate) fn new(callers: Callers) -> Self {
        Self(callers)
    }
}

impl<S> Layer<S> for Authenticate {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, callers: self.0.clone() }
    }
}

impl<S> Service<Request<Body>> for Authenticated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that is ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return Box::pin(inner.call(request));
        }
        let callers = self.callers.clone();
        Box::pin(async move {
            let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
            let named = request.headers().get(TENANT_KEY).and_then(|value| value.to_str().ok());
            let mut behalf = Behalf {
                principal: None,
                tenant: named.filter(|name| !name.is_empty()).map(Arc::from),
                address: callers.address(request.headers(), &peer),
                key: None,
            };
            match callers.authenticate(request.headers_mut(), &peer, behalf.address).await {
                Ok(principal) => behalf.principal = Some(principal),
                Err(failure) => {
                    let method = request.uri().path().trim_start_matches('/');
                    callers.refused(&failure, &behalf, method);
                    return Ok(Status::from(failure).into_http());
                }
            }
            behalf::serve(&callers, inner, request, &behalf).await
        })
    }
}
