//! What every call goes through where it is served, over a socket or a local link: its deadline, its metrics and its span.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::{Code, Status};

use crate::deadline;
use crate::method::Method;
use crate::metrics::Call;

/// Serves a call. Its time runs from here, not from when it is first polled.
pub(crate) fn serve<S>(
    mut server: S,
    request: Request<Body>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
    S::Future: Send,
{
    let method = Method::of_path(request.uri().path());
    let unary = method.is_some_and(|method| method.unary);
    let deadline = deadline::of_call(request.headers(), unary);
    let mut call = Call::serve(method, request.headers());
    let current = call.current();
    let work = server.call(request);
    async move {
        match entente_trace::within(current, deadline::within(deadline, work)).await {
            Ok(Ok(response)) if unary => {
                call.end(code_in(response.headers()).unwrap_or(Code::Ok));
                Ok(response)
            }
            Ok(Ok(response)) => Ok(stream(response, call, deadline)),
            Err(exceeded) => {
                call.end(Code::DeadlineExceeded);
                Ok(Status::from(exceeded).into_http())
            }
        }
    }
}

pub(crate) fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// Follows an answer to its end.
pub(crate) fn stream(
    response: Response<Body>,
    mut call: Call,
    deadline: Option<Instant>,
) -> Response<Body> {
    if let Some(code) = code_in(response.headers()) {
        call.end(code);
        return response;
    }
    let limit = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
    response.map(|inner| Body::new(Stream { inner, call, limit }))
}

/// The messages of a stream, which ends at its deadline, and is counted when it ends.
struct Stream {
    inner: Body,
    call: Call,
    limit: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.call.has_ended() {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let late = |limit: &mut Pin<Box<Sleep>>| limit.as_mut().poll(context).is_ready();
                if !self.limit.as_mut().is_some_and(late) {
                    return Poll::Pending;
                }
                let mut trailers = HeaderMap::new();
                // Only a text that is no header could fail.
                let _ = deadline::exceeded_status().add_header(&mut trailers);
                Some(Ok(Frame::trailers(trailers)))
            }
        };
        match &frame {
            None => self.call.end(Code::Ok),
            Some(Err(status)) => self.call.end(status.code()),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.end(code_in(trailers).unwrap_or(Code::Ok));
                }
            }
        }
        Poll::Ready(frame)
    }
}
