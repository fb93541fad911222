//! A call to another process: at which place, within which time, and how often.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entente_trace::Current;
use http::{HeaderValue, Request, Response, request};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tower::ServiceExt as _;

use super::Security;
use super::address::Address;
use super::budget::Budget;
use super::members::{Member, Members};
use crate::auth::API_KEY_HEADER;
use crate::method::Method;
use crate::{ErrorReason, Failure, deadline};

/// How often a call is made at most.
pub const MAX_ATTEMPTS: u32 = 4;
/// The longest pause before the second attempt; each further one may be twice as long. The pause is drawn up to there.
pub const BACK_OFF: Duration = Duration::from_millis(50);
/// The longest pause.
pub const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// A service in another process.
pub(super) struct Remote {
    members: Arc<Members>,
    api_key: Option<HeaderValue>,
    /// Whether the connection's certificate says who calls.
    by_certificate: bool,
    budget: Budget,
}

/// A call that can be made again.
struct Call {
    parts: request::Parts,
    message: Bytes,
    deadline: Option<Instant>,
}

/// Why there is no answer.
enum Lost {
    /// There was no connection to ask on.
    Unsent(Status),
    /// The connection was closed, in good order, while the call waited to be written. It can be made anew.
    Closed(Status),
    /// It may have been done.
    Unknown(Status),
}

impl Remote {
    pub(super) fn new(
        addresses: Vec<Address>,
        api_key: Option<HeaderValue>,
        security: Option<Security>,
    ) -> Self {
        let shows = security.as_ref().is_some_and(|security| security.tls.has_pair());
        Self {
            by_certificate: shows && api_key.is_none(),
            members: Arc::new(Members::new(addresses, security)),
            api_key,
            budget: Budget::new(),
        }
    }

    pub(super) async fn call(
        self: Arc<Self>,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        if let Some(key) = &self.api_key {
            request.headers_mut().insert(API_KEY_HEADER, key.clone());
        } else if self.by_certificate {
            request.headers_mut().remove(API_KEY_HEADER);
        }
        Current::read(|current| current.write(request.headers_mut()));
        let method = Method::of_path(request.uri().path());
        let unary = method.is_some_and(|method| method.unary);
        let deadline = deadline::of_call(request.headers(), unary);
        let made = async {
            match method.filter(|method| method.one_request) {
                Some(method) => {
                    let (parts, body) = request.into_parts();
                    let message = body.collect().await?.to_bytes();
                    self.repeat(method, &Call { parts, message, deadline }).await
                }
                // What is sent bit by bit cannot be sent again.
                None => {
                    let member = self.members.in_turn().await?.into_iter().next();
                    match member {
                        Some(member) => send(&member, request).await.map_err(Lost::status),
                        None => Err(nowhere()),
                    }
                }
            }
        };
        match deadline {
            None => made.await,
            Some(at) => tokio::time::timeout_at(at, made)
                .await
                .unwrap_or_else(|_| Err(deadline::exceeded_status())),
        }
    }

    async fn repeat(&self, method: &Method, call: &Call) -> Result<Response<Body>, Status> {
        let may_repeat = method.may_repeat(&call.message);
        let mut attempt = 1;
        loop {
            let answer = self.attempt(call, attempt).await;
            let Some(asked) = away(&answer) else {
                self.budget.succeeded();
                return answer;
            };
            let pause = asked.unwrap_or_else(|| back_off(attempt));
            let late = call.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
            let again = self.budget.failed() && may_repeat && attempt < MAX_ATTEMPTS;
            if !again || late || pause > MAX_BACK_OFF {
                return answer;
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Asks the place whose turn it is. Where there is no connection nothing was asked, so the next is, whatever the method.
    async fn attempt(&self, call: &Call, attempt: u32) -> Result<Response<Body>, Status> {
        let mut last = nowhere();
        for member in self.members.in_turn().await? {
            let mut answer = send(&member, call.request(attempt)).await;
            if let Err(Lost::Closed(_)) = answer {
                answer = send(&member, call.request(attempt)).await;
            }
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Lost::Unknown(status)) => return Err(status),
                Err(Lost::Unsent(status) | Lost::Closed(status)) => {
                    self.members.failed(&member);
                    last = status;
                }
            }
        }
        Err(last)
    }
}

impl Call {
    fn request(&self, attempt: u32) -> Request<Body> {
        let body = Body::new(Full::new(self.message.clone()));
        let mut request = Request::from_parts(self.parts.clone(), body);
        let headers = request.headers_mut();
        if let Some(deadline) = self.deadline {
            deadline::write(headers, deadline);
        }
        if attempt > 1 {
            headers.insert("grpc-previous-rpc-attempts", HeaderValue::from(attempt - 1));
        }
        request
    }
}

impl Lost {
    fn status(self) -> Status {
        match self {
            Self::Unsent(status) | Self::Closed(status) | Self::Unknown(status) => status,
        }
    }
}

async fn send(member: &Member, request: Request<Body>) -> Result<Response<Body>, Lost> {
    let mut channel = member.channel.clone();
    let answer = async { channel.ready().await?.call(request).await };
    let answer = answer.await.map_err(|error| lost(&error))?;
    Ok(answer.map(|body| Body::new(body.map_err(|broken| broke_off(&broken)))))
}

/// The connection ended in the midst of an answer, for which the library has several codes. What the service itself says
/// comes in trailers.
fn broke_off(broken: &Status) -> Status {
    unavailable(format!("the service broke off: {}", broken.message()))
}

fn lost(error: &tonic::transport::Error) -> Lost {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return Lost::Unknown(deadline::exceeded_status());
        }
        if let Some(error) = error.downcast_ref::<ConnectError>() {
            return Lost::Unsent(unreachable(error));
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return Lost::Closed(unreachable(error));
        }
        cause = error.source();
    }
    Lost::Unknown(unreachable(error))
}

fn unreachable(error: &dyn Error) -> Status {
    // The library's errors repeat the text of their cause.
    let cause = error.source().map(ToString::to_string).filter(|cause| *cause != error.to_string());
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    unavailable(format!("the service cannot be reached: {error}{cause}"))
}

fn nowhere() -> Status {
    unavailable("the service's name has no address".to_owned())
}

/// With a reason, so that a service that fails because of it tells its own caller the same.
pub(super) fn unavailable(message: String) -> Status {
    Failure::new(ErrorReason::ServiceUnavailable, message).into()
}

/// Whether the service is away for a moment, and how long it asks to be left alone.
fn away(answer: &Result<Response<Body>, Status>) -> Option<Option<Duration>> {
    let of = |status: &Status| {
        let asked = Failure::of(status).retry_after;
        match status.code() {
            Code::Unavailable => Some(asked),
            Code::Aborted => asked.map(Some),
            _ => None,
        }
    };
    match answer {
        Err(status) => of(status),
        Ok(response) if response.headers().contains_key("grpc-status") => {
            Status::from_header_map(response.headers()).and_then(|status| of(&status))
        }
        Ok(_) => None,
    }
}

fn back_off(attempt: u32) -> Duration {
    let longest = BACK_OFF.saturating_mul(1 << (attempt - 1).min(8)).min(MAX_BACK_OFF);
    longest.mul_f64(rand::random_range(0.2..1.0))
}
