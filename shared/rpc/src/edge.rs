//! Where calls come in from outside: they bring their deadline, their trace and the id of the request, and get that id back.

use std::pin::Pin;
use std::task::{Context, Poll};

use entente_trace::{Current, REQUEST_ID, RequestId, within};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tower::Layer;

use crate::deadline;

/// The layer that makes a call part of the trace in its headers, and of the request whose id is there; else of a new one.
/// The caller's time runs from here, so that the look at the caller's credential has an end too.
#[derive(Debug, Clone)]
pub(crate) struct Edge;

impl<S> Layer<S> for Edge {
    type Service = Arriving<S>;

    fn layer(&self, inner: S) -> Arriving<S> {
        Arriving(inner)
    }
}

/// See [`Edge`].
#[derive(Debug, Clone)]
pub(crate) struct Arriving<S>(S);

impl<S> Service<Request<Body>> for Arriving<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let current = Current::arriving(request.headers());
        let id = current.request_id.as_ref().and_then(RequestId::header);
        let deadline = deadline::given(request.headers());
        let work = current.clone().sync_scope(|| self.0.call(request));
        Box::pin(async move {
            let answered = deadline::within(deadline, within(Some(current), work)).await;
            let mut response = match answered {
                Ok(answered) => answered?,
                Err(exceeded) => Status::from(exceeded).into_http(),
            };
            if let Some(id) = id {
                response.headers_mut().insert(REQUEST_ID, id);
            }
            Ok(response)
        })
    }
}
