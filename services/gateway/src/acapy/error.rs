use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_rpc::{Code, ErrorReason, Failure, Status};

/// An error as ACA-Py writes it: the status and a line of text, `400: reason.`
#[derive(Debug, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    reason: String,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        // One line: whatever a peer or a caller wrote into it.
        let reason = reason.into().replace(char::is_control, " ");
        Self { status, reason, retry_after: None }
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no {what} has the id {id:?}"))
    }

    /// A value that the schema does not allow, in the shape of ACA-Py's validator: `{'json': {'goal': ['…']}}`.
    pub(super) fn invalid(location: &str, field: &str, problem: &str) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{{'{location}': {{'{field}': ['{problem}']}}}}"),
        )
    }

    /// The same, for several fields.
    pub(super) fn invalid_fields(location: &str, problems: &[(&str, String)]) -> Self {
        let problems: Vec<_> =
            problems.iter().map(|(field, problem)| format!("'{field}': ['{problem}']")).collect();
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{{'{location}': {{{}}}}}", problems.join(", ")),
        )
    }

    /// The same, for an item of a list.
    pub(super) fn invalid_item(location: &str, field: &str, index: usize, problem: &str) -> Self {
        let reason = format!("{{'{location}': {{'{field}': {{{index}: ['{problem}']}}}}}}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
    }

    /// A defect of ours. The caller gets no details; the log does.
    pub(super) fn internal(detail: &str) -> Self {
        tracing::error!(detail, "an admin call failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
    }
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let failure = Failure::of(&status);
        let code = match (failure.reason, status.code()) {
            // Not the schema's fault, but its counterpart: the invitation is a body that cannot be read.
            _ if failure.is_invalid_invitation() => StatusCode::UNPROCESSABLE_ENTITY,
            (ErrorReason::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (_, Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange) => {
                StatusCode::BAD_REQUEST
            }
            (_, Code::NotFound) => StatusCode::NOT_FOUND,
            (_, Code::Unauthenticated) => StatusCode::UNAUTHORIZED,
            (_, Code::PermissionDenied) => StatusCode::FORBIDDEN,
            (ErrorReason::RateLimited, _) => StatusCode::TOO_MANY_REQUESTS,
            (_, Code::AlreadyExists) => StatusCode::CONFLICT,
            (_, Code::Unimplemented) => StatusCode::NOT_IMPLEMENTED,
            (
                _,
                Code::Unavailable
                | Code::Aborted
                | Code::ResourceExhausted
                | Code::DeadlineExceeded,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            (_, code) => return Self::internal(&format!("{code:?}: {}", failure.message)),
        };
        let seconds = failure.retry_seconds();
        let mut error = Self::new(code, failure.message);
        if matches!(code, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            error.retry_after = Some(seconds);
        }
        error
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let end = if self.reason.ends_with(['.', '}']) { "" } else { "." };
        let text = format!("{}: {}{end}", self.status.as_u16(), self.reason);
        let mut response = (self.status, text).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl ApiError {
    /// The status that it is answered with.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_follow_the_reason() {
        for (reason, expected) in [
            (ErrorReason::InvalidInvitation, 422),
            (ErrorReason::InvitationTooLarge, 422),
            (ErrorReason::UnsupportedInvitation, 400),
            (ErrorReason::InvitationExpired, 400),
            (ErrorReason::WrongState, 400),
            (ErrorReason::NotFound, 404),
            (ErrorReason::StoreUnavailable, 503),
            (ErrorReason::Conflict, 503),
            (ErrorReason::TooLarge, 413),
            (ErrorReason::Internal, 500),
        ] {
            assert_eq!(
                ApiError::from(Status::from(Failure::new(reason, "x"))).status,
                expected,
                "{reason:?}"
            );
        }
        let hidden = ApiError::from(Status::internal("SELECT secret"));
        assert_eq!(hidden.reason, "internal error");
    }

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(ApiError::bad_request("a\nb\r").reason, "a b ");
    }
}
