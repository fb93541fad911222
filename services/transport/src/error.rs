//! Why a message was not delivered, or an invitation not fetched.

use std::time::Duration;

use entente_didcomm::forward::ForwardError;
use entente_net::Refused;
use entente_rpc::{ErrorReason, Failure, Status};

/// When an endpoint that failed may be tried again, if it does not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The longest that an endpoint's Retry-After is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Why a message was not delivered, or an invitation not fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("{field}: {reason}")]
    Field { field: &'static str, reason: String },
    #[error("the endpoint {url} is refused: {refused}")]
    Refused { url: String, refused: Refused },
    #[error("the endpoint {did} cannot be used: {reason}")]
    NoEndpoint { did: String, reason: String },
    #[error("the endpoint's DID cannot be resolved: {}", .0.message())]
    Resolver(Box<Status>),
    #[error("the envelope cannot be wrapped for the mediators: {0}")]
    Forward(#[from] ForwardError),
    #[error("the wrapped envelope has {actual} bytes, at most {limit} are sent")]
    TooLarge { actual: usize, limit: usize },
    #[error("{url} does not answer: {reason}")]
    Unavailable { url: String, reason: String },
    #[error("{url} answered {status}")]
    Status { url: String, status: u16, retry_after: Option<Duration> },
    #[error("{origin} failed too often and is left alone for a while")]
    CircuitOpen { origin: String, retry_after: Duration },
    #[error("too much for {origin} is under way")]
    Overloaded { origin: String, retry_after: Duration },
    #[error("{url} gives no invitation: {reason}")]
    NoInvitation { url: String, reason: String },
}

impl TransportError {
    /// The error in one word, for metrics.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Field { .. } | Self::Forward(_) | Self::TooLarge { .. } => "invalid",
            Self::Refused { .. } | Self::NoEndpoint { .. } => "refused",
            Self::Resolver(_) => "unresolved",
            Self::Unavailable { .. } => "unreachable",
            Self::Status { status, .. } if is_transient(*status) => "server_error",
            Self::Status { .. } => "rejected",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Overloaded { .. } => "overloaded",
            Self::NoInvitation { .. } => "no_invitation",
        }
    }
}

/// Whether the same request may get another answer later.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..)
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let message = error.to_string();
        match error {
            TransportError::Field { field, reason } => Failure::field(field, reason),
            TransportError::Refused { url, .. } => {
                Failure::new(ErrorReason::EndpointRefused, message).with("url", url)
            }
            TransportError::NoEndpoint { did, .. } => {
                Failure::new(ErrorReason::EndpointRefused, message).with("did", did)
            }
            TransportError::Resolver(status) => of_resolver(&status, message),
            TransportError::Forward(error) => of_forward(&error),
            TransportError::TooLarge { .. } => Failure::new(ErrorReason::TooLarge, message),
            TransportError::Unavailable { url, .. } => {
                Failure::new(ErrorReason::EndpointUnavailable, message)
                    .with("url", url)
                    .retry_after(RETRY_AFTER)
            }
            TransportError::Status { url, status, retry_after } => {
                let failure = Failure::new(ErrorReason::EndpointUnavailable, message)
                    .with("url", url)
                    .with("http_status", status.to_string());
                if !is_transient(status) {
                    return failure;
                }
                failure.retry_after(retry_after.unwrap_or(RETRY_AFTER).min(MAX_RETRY_AFTER))
            }
            TransportError::CircuitOpen { origin, retry_after } => {
                Failure::new(ErrorReason::CircuitOpen, message)
                    .with("origin", origin)
                    .retry_after(retry_after)
            }
            TransportError::Overloaded { origin, retry_after } => {
                Failure::new(ErrorReason::Overloaded, message)
                    .with("origin", origin)
                    .retry_after(retry_after)
            }
            TransportError::NoInvitation { url, .. } => {
                Failure::new(ErrorReason::InvalidInvitation, message).with("url", url)
            }
        }
    }
}

/// What the resolver said goes on to the caller; a resolver that cannot be reached is an endpoint that cannot.
fn of_resolver(status: &Status, message: String) -> Failure {
    let failure = Failure::of(status);
    match failure.reason {
        ErrorReason::Unspecified => {
            Failure::new(ErrorReason::EndpointUnavailable, message).retry_after(RETRY_AFTER)
        }
        _ => Failure { message, ..failure },
    }
}

fn of_forward(error: &ForwardError) -> Failure {
    let field = match error {
        ForwardError::TooManyRoutingKeys { .. } | ForwardError::RoutingKey { .. } => "routing_keys",
        _ => "envelope",
    };
    Failure::field(field, error.to_string())
}
