//! A call as its maker sees it: a span, if spans are recorded, under which the call is made.

use std::future::Future;
use std::pin::Pin;

use entente_trace::within;
use futures_util::future::Either;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;

use super::address::Address;
use crate::method::Method;
use crate::metrics::Call;
use crate::serve;
use crate::span::CallSpan;

type Answer = Result<Response<Body>, Status>;

/// What a call's span says of the service: the first of its addresses, which stands for all.
pub(super) struct Place {
    address: String,
    port: Option<u16>,
}

impl Place {
    pub(super) fn in_process() -> Self {
        Self { address: "in-process".to_owned(), port: None }
    }

    pub(super) fn of(addresses: &[Address]) -> Self {
        let (address, port) = addresses.first().map(Address::host_and_port).unwrap_or_default();
        Self { address, port }
    }
}

/// Makes a call.
pub(super) fn call<F>(
    request: Request<Body>,
    place: &Place,
    make: impl FnOnce(Request<Body>) -> F,
) -> Either<F, Pin<Box<dyn Future<Output = Answer> + Send>>>
where
    F: Future<Output = Answer> + Send + 'static,
{
    if !entente_trace::is_on() {
        return Either::Left(make(request));
    }
    let method = Method::of_path(request.uri().path());
    let span = CallSpan::client(method, &place.address, place.port);
    let Some(current) = span.current() else { return Either::Left(make(request)) };
    let mut call = Call::make(method, span);
    let answer = current.clone().sync_scope(|| make(request));
    Either::Right(Box::pin(async move {
        match within(Some(current), answer).await {
            Ok(response) => Ok(serve::stream(response, call, None)),
            Err(status) => {
                call.end(status.code());
                Err(status)
            }
        }
    }))
}
