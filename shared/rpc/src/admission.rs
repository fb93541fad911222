//! How many calls a server takes at once. One more is refused at once, before it waits in a queue that only grows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;

use crate::method::Method;
use crate::metrics::Call;
use crate::{ErrorReason, Failure, serve};

/// What a server takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unary calls under way at once, over all connections.
    pub calls: usize,
    /// When a connection is asked to go, so that callers spread over the replicas that there are; a tenth is drawn.
    pub connection_age: Duration,
    /// How long what goes on over it then, as streams do, may last.
    pub connection_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 1024,
            connection_age: Duration::from_secs(5 * 60),
            connection_grace: Duration::from_secs(10 * 60),
        }
    }
}

/// The room of a server. Streams, of which each connection has a number, health and reflection do not take any.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new(calls: usize) -> Self {
        Self(Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS))))
    }

    fn enter(
        &self,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<OwnedSemaphorePermit>, Box<Response<Body>>> {
        let Some(method) = Method::of_path(path) else { return Ok(None) };
        if !method.unary || !method.service.starts_with("entente.") {
            return Ok(None);
        }
        Arc::clone(&self.0).try_acquire_owned().map(Some).map_err(|_| {
            let refused = refuse();
            Call::serve(Some(method), headers).end(tonic::Code::ResourceExhausted);
            Box::new(refused)
        })
    }

    /// Serves a call if there is room for it.
    pub(crate) fn serve<S>(
        &self,
        server: S,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<S>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        let permit = self.enter(request.uri().path(), request.headers());
        let admitted = permit.map(|permit| (serve::serve(server, request), permit));
        async move {
            match admitted {
                Ok((answer, _permit)) => answer.await,
                Err(refused) => Ok(*refused),
            }
        }
    }
}

/// Says when to come again, not all at the same time; also to gRPC's own clients (A6).
fn refuse() -> Response<Body> {
    let millis: u16 = rand::random_range(100..500);
    let failure =
        Failure::new(ErrorReason::Overloaded, "the service has as many calls as it takes")
            .retry_after(Duration::from_millis(millis.into()));
    let mut response = Status::from(failure).into_http();
    response.headers_mut().insert("grpc-retry-pushback-ms", HeaderValue::from(millis));
    response
}
