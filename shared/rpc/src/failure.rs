//! Errors on the wire: one type that becomes a Status with google.rpc details, and is read back from one.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::ErrorReason;

/// The domain of every ErrorInfo.
pub const DOMAIN: &str = "entente";

/// The most wrong fields that are named.
const MAX_VIOLATIONS: usize = 10;

/// An error with a reason that a program may switch on, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason; it decides the gRPC code.
    pub reason: ErrorReason,
    /// For people: what was wrong and what would be right.
    pub message: String,
    /// ErrorInfo's metadata.
    pub metadata: Vec<(String, String)>,
    /// Fields that are wrong: path and description.
    pub violations: Vec<(String, String)>,
    /// When a repetition may succeed.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// An error for a reason.
    pub fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// A wrong field: its path in the request, and what is wrong with it.
    pub fn field(path: impl Into<String>, description: impl Into<String>) -> Self {
        let (path, description) = (path.into(), description.into());
        let mut failure = Self::new(ErrorReason::InvalidField, format!("{path}: {description}"));
        failure.violations.push((path, description));
        failure
    }

    /// No such resource.
    #[must_use]
    pub fn not_found(resource: &str, id: &str) -> Self {
        Self::new(ErrorReason::NotFound, format!("no {resource} has the id {id:?}"))
            .with("resource", resource)
    }

    /// A state that does not allow the call.
    #[must_use]
    pub fn wrong_state(resource: &str, state: &str, expected: &str) -> Self {
        Self::new(
            ErrorReason::WrongState,
            format!("the {resource} is {state}; the call needs {expected}"),
        )
        .with("state", state)
        .with("expected", expected)
    }

    /// Adds metadata.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.push((key.to_owned(), value.into()));
        self
    }

    /// Says when a repetition may succeed.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The same in whole seconds, as HTTP has it: one at the least, and not too early.
    #[must_use]
    pub fn retry_seconds(&self) -> u64 {
        let delay = self.retry_after.unwrap_or_default();
        (delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).max(1)
    }

    /// Whether a text is no invitation that can be read, whatever the cause.
    #[must_use]
    pub fn is_invalid_invitation(&self) -> bool {
        use ErrorReason as R;
        matches!(
            self.reason,
            R::InvalidInvitation
                | R::InvitationNotBase64
                | R::InvitationNotJson
                | R::InvitationWrongType
                | R::InvitationWithoutKeys
                | R::InvitationWithoutEndpoint
                | R::InvitationTooLarge
        )
    }

    /// The gRPC code of the reason.
    #[must_use]
    pub fn code(&self) -> Code {
        use ErrorReason as R;
        match self.reason {
            R::InvalidField
            | R::InvalidPageToken
            | R::InvalidInvitation
            | R::InvitationNotBase64
            | R::InvitationNotJson
            | R::InvitationWrongType
            | R::InvitationWithoutKeys
            | R::InvitationWithoutEndpoint
            | R::InvitationTooLarge
            | R::MalformedEnvelope
            | R::MalformedMessage
            | R::InvalidDid
            | R::PeerMisbehaved => Code::InvalidArgument,
            R::NotFound | R::DidNotFound | R::KeyNotFound => Code::NotFound,
            R::WrongState
            | R::UnsupportedInvitation
            | R::InvitationExpired
            | R::InvitationUsed
            | R::InvitationRevoked
            | R::Undecryptable
            | R::WrongKeyType
            | R::NotSamePeer
            | R::EndpointRefused => Code::FailedPrecondition,
            R::RequestIdReused | R::AlreadyExists => Code::AlreadyExists,
            R::Unauthenticated | R::CredentialExpired => Code::Unauthenticated,
            R::PermissionDenied | R::TenantSuspended => Code::PermissionDenied,
            R::MethodNotSupported => Code::Unimplemented,
            R::EndpointUnavailable
            | R::CircuitOpen
            | R::StoreUnavailable
            | R::Draining
            | R::ServiceUnavailable => Code::Unavailable,
            R::TooLarge | R::SlowReader | R::Overloaded | R::LimitReached | R::RateLimited => {
                Code::ResourceExhausted
            }
            R::EventsExpired | R::CursorInFuture => Code::OutOfRange,
            R::Conflict => Code::Aborted,
            R::DeadlineExceeded => Code::DeadlineExceeded,
            R::Unspecified | R::Internal => Code::Internal,
        }
    }

    /// What a status says, if it came from one of our services; a bare status has the reason UNSPECIFIED.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let reason = info
            .filter(|info| info.domain == DOMAIN)
            .and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        let mut metadata: Vec<_> = info
            .map(|info| info.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default();
        metadata.sort();
        let violations = details
            .bad_request()
            .map(|bad| {
                bad.field_violations
                    .iter()
                    .map(|v| (v.field.clone(), v.description.clone()))
                    .collect()
            })
            .unwrap_or_default();
        Self {
            reason: reason.unwrap_or(ErrorReason::Unspecified),
            message: status.message().to_owned(),
            metadata,
            violations,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }

    /// The value of a metadata key.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl ErrorReason {
    /// As `google.rpc.ErrorInfo` carries it: without the prefix that protobuf's enumerations need.
    #[must_use]
    pub fn name(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix("ERROR_REASON_").unwrap_or(name)
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = failure.code();
        let reason = failure.reason.name().to_owned();
        let metadata: std::collections::HashMap<_, _> =
            failure.metadata.into_iter().map(|(key, value)| (key, shortened(value, 300))).collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        for (field, description) in failure.violations.into_iter().take(MAX_VIOLATIONS) {
            details.add_bad_request_violation(shortened(field, 100), shortened(description, 300));
        }
        if let Some(delay) = failure.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(code, shortened(failure.message, 1_000), details)
    }
}

/// A status travels in headers, of which HTTP/2 clients take 16 KiB in all: a text that repeats what the caller sent
/// must not grow with it.
fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_wire() {
        let failure = Failure::field("max_uses", "is negative; 0 means no limit")
            .with("state", "OPEN")
            .retry_after(Duration::from_secs(2));
        let status = Status::from(failure.clone());
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(Failure::of(&status), failure);
        assert_eq!(failure.retry_seconds(), 2);
        let later = failure.retry_after(Duration::from_millis(2_001));
        assert_eq!(later.retry_seconds(), 3);
    }

    #[test]
    fn a_status_fits_into_headers_whatever_the_caller_sent() {
        let long = "💥".repeat(50_000);
        let mut failure = Failure::not_found("exchange", &long).with("state", long.clone());
        failure.violations = vec![(long.clone(), long); 1_000];
        let headers = Status::from(failure).into_http::<()>().headers().clone();
        let size: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(size < 16 << 10, "{size}");
    }

    #[test]
    fn a_foreign_status_has_no_reason() {
        assert_eq!(Failure::of(&Status::unknown("x")).reason, ErrorReason::Unspecified);
    }
}
