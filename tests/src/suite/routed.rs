//! One link to the services of an agent, wherever each of them is.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use entente_rpc::{Link, Status};
use tonic::body::Body;
use tonic::codegen::{Service, http};

use super::SERVICES;

/// The links of [`SERVICES`], in their order, as one. What none of them has goes to the connection service.
pub(super) fn by_service(links: Vec<Link>) -> Link {
    Link::new(Routed { links })
}

#[derive(Clone)]
struct Routed {
    links: Vec<Link>,
}

impl Service<http::Request<Body>> for Routed {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    // Links to other processes are always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let has = |service: &&str| path.starts_with(&format!("/entente.{service}."));
        let at = SERVICES.iter().position(has).unwrap_or(3);
        let answer = self.links[at].call(request);
        Box::pin(answer)
    }
}
