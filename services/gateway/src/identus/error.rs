use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use serde_json::{Value, json};
use uuid::Uuid;

/// An error as the Cloud Agent writes it (RFC 9457, as plain JSON).
#[derive(Debug, PartialEq)]
pub(crate) struct ErrorResponse {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    retry_after: Option<u64>,
}

const INVALID_INPUT: &str = "ConnectionServiceError:UserInputValidationError";
const INVALID_INVITATION: &str = "ConnectionServiceError:InvitationParsingError";
const WRONG_STATE: &str = "ConnectionServiceError:InvalidStateForOperation";
const EXPIRED: &str = "ConnectionServiceError:InvitationExpired";
const ALREADY_RECEIVED: &str = "ConnectionServiceError:InvitationAlreadyReceived";
const RECORD_NOT_FOUND: &str = "ConnectionServiceError:RecordIdNotFound";
const TOO_MANY_WEBHOOKS: &str = "WalletManagementServiceError:TooManyWebhookError";
const WEBHOOK_NOT_FOUND: &str = "WalletManagementServiceError:WebhookNotFound";
const INVALID_ROLE: &str = "AuthenticationError:InvalidRole";
const WALLET_NOT_FOUND: &str = "WalletManagementServiceError:WalletNotFound";
const DUPLICATED_WALLET: &str = "WalletManagementServiceError:DuplicatedWalletId";
const ENTITY_NOT_FOUND: &str = "EntityServiceError:EntityNotFound";
const ENTITY_EXISTS: &str = "EntityServiceError:EntityAlreadyExists";
const KEY_NOT_FOUND: &str = "AuthenticationError:AuthenticationNotFound";
const KEY_TAKEN: &str = "AuthenticationError:AuthenticationCompromised";
const UNREADABLE: &str = "RequestBodyDecodingFailure";

impl ErrorResponse {
    fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into(), retry_after: None }
    }

    /// A body, query or path that cannot be read.
    pub(super) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, UNREADABLE, detail)
    }

    /// Values that the fields do not allow.
    pub(super) fn invalid(errors: &[String]) -> Self {
        let errors = errors.join(", ");
        let detail = format!("The provided input failed validation: errors=[{errors}]");
        Self::new(StatusCode::BAD_REQUEST, INVALID_INPUT, detail)
    }

    pub(super) fn invitation(cause: &str) -> Self {
        let detail =
            format!("An error occurred while parsing the invitation content: cause=[{cause}]");
        Self::new(StatusCode::BAD_REQUEST, INVALID_INVITATION, detail)
    }

    pub(super) fn already_received(invitation_id: &str, connection_id: &str) -> Self {
        let detail = format!(
            "The provided invitation has already been used: invitationId={invitation_id}; it made, or is making, the \
             connection {connection_id}"
        );
        Self::new(StatusCode::BAD_REQUEST, ALREADY_RECEIVED, detail)
    }

    pub(super) fn no_record(id: &str) -> Self {
        let detail = format!(
            "There is no connection record matching the provided identifier: recordId={id}"
        );
        Self::new(StatusCode::NOT_FOUND, RECORD_NOT_FOUND, detail)
    }

    pub(super) fn no_webhook(id: &str) -> Self {
        let detail = format!("There is no webhook matching the provided identifier: id={id}");
        Self::new(StatusCode::NOT_FOUND, WEBHOOK_NOT_FOUND, detail)
    }

    pub(super) fn no_wallet(id: &str) -> Self {
        let detail = format!("There is no wallet matching the provided identifier: walletId={id}");
        Self::new(StatusCode::NOT_FOUND, WALLET_NOT_FOUND, detail)
    }

    pub(super) fn duplicated_wallet(id: &str) -> Self {
        let detail =
            format!("There is, or was, a wallet with the provided identifier: walletId={id}");
        Self::new(StatusCode::BAD_REQUEST, DUPLICATED_WALLET, detail)
    }

    pub(super) fn no_entity(id: &str) -> Self {
        let detail = format!("There is no entity matching the provided identifier: id={id}");
        Self::new(StatusCode::NOT_FOUND, ENTITY_NOT_FOUND, detail)
    }

    pub(super) fn entity_exists(id: &str) -> Self {
        let detail = format!("There is an entity with the provided identifier: id={id}");
        Self::new(StatusCode::BAD_REQUEST, ENTITY_EXISTS, detail)
    }

    pub(super) fn no_key(entity: &str) -> Self {
        let detail = format!("The provided apiKey is none of the entity's: entityId={entity}");
        Self::new(StatusCode::NOT_FOUND, KEY_NOT_FOUND, detail)
    }

    pub(super) fn key_taken(detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, KEY_TAKEN, detail)
    }

    pub(super) fn path_not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourcePathNotFound", detail)
    }

    pub(super) fn method_not_allowed(detail: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", detail)
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", detail);
        Self { retry_after: Some(1), ..error }
    }

    /// A defect of ours. The caller gets no details; the log does.
    pub(super) fn internal(detail: &str) -> Self {
        tracing::error!(detail, "an admin call failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "internal error")
    }

    /// Names the invitation that is meant, where the service did not.
    pub(super) fn about_invitation(mut self, id: Option<&str>) -> Self {
        if let (EXPIRED, Some(id)) = (self.kind, id) {
            self.detail = format!(
                "The provided invitation has expired: invitationId={id}; ask the inviter for a new one"
            );
        }
        self
    }
}

impl From<Status> for ErrorResponse {
    fn from(status: Status) -> Self {
        use ErrorReason as R;
        let failure = Failure::of(&status);
        let bad = |kind| Self::new(StatusCode::BAD_REQUEST, kind, failure.message.clone());
        match (failure.reason, status.code()) {
            (R::InvalidField, _) => Self::invalid(std::slice::from_ref(&failure.message)),
            _ if failure.is_invalid_invitation() => Self::invitation(&failure.message),
            (
                R::UnsupportedInvitation
                | R::InvalidDid
                | R::DidNotFound
                | R::MethodNotSupported
                | R::EndpointRefused,
                _,
            ) => Self::invitation(&failure.message),
            (R::InvitationExpired, _) => bad(EXPIRED),
            (R::LimitReached | R::AlreadyExists, _) => {
                Self::new(StatusCode::CONFLICT, TOO_MANY_WEBHOOKS, failure.message)
            }
            (_, Code::Unauthenticated) => {
                let kind = "AuthenticationError:ApiKeyAuthenticationError";
                Self::new(StatusCode::UNAUTHORIZED, kind, failure.message)
            }
            (_, Code::PermissionDenied) => {
                Self::new(StatusCode::FORBIDDEN, INVALID_ROLE, failure.message)
            }
            (R::RateLimited, _) => {
                let delay = failure.retry_seconds();
                let status = StatusCode::TOO_MANY_REQUESTS;
                let error = Self::new(status, "TooManyRequests", failure.message);
                Self { retry_after: Some(delay), ..error }
            }
            (R::NotFound, _) => Self::new(StatusCode::NOT_FOUND, RECORD_NOT_FOUND, failure.message),
            (R::TooLarge, _) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_INPUT, failure.message)
            }
            (_, Code::FailedPrecondition) => bad(WRONG_STATE),
            (_, Code::InvalidArgument | Code::OutOfRange) => bad(INVALID_INPUT),
            (
                _,
                Code::Unavailable
                | Code::Aborted
                | Code::ResourceExhausted
                | Code::DeadlineExceeded,
            ) => {
                let delay = failure.retry_seconds();
                Self { retry_after: Some(delay), ..Self::unavailable(&failure.message) }
            }
            (_, code) => Self::internal(&format!("{code:?}: {}", failure.message)),
        }
    }
}

impl From<BytesRejection> for ErrorResponse {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), UNREADABLE, rejection.body_text())
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let instance = Uuid::new_v4().to_string();
        let body = problem(self.status, self.kind, &self.detail, &instance);
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The shape of every error, also of one that a record tells of.
pub(super) fn problem(status: StatusCode, kind: &str, detail: &str, instance: &str) -> Value {
    json!({
        "status": status.as_u16(),
        "type": format!("error:{kind}"),
        "title": title(kind),
        "detail": detail,
        "instance": format!("error:instance:{instance}"),
    })
}

/// The class in words: `RecordIdNotFound` is "Record Id Not Found".
fn title(kind: &str) -> String {
    let class = kind.rsplit(':').next().unwrap_or(kind);
    let mut title = String::new();
    for letter in class.chars() {
        if letter.is_uppercase() && !title.is_empty() {
            title.push(' ');
        }
        title.push(letter);
    }
    title
}

#[cfg(test)]
impl ErrorResponse {
    /// The status and the type, as they are answered.
    pub(super) fn shown(&self) -> (u16, String) {
        (self.status.as_u16(), format!("error:{}", self.kind))
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_types_follow_the_reason() {
        use ErrorReason as R;
        for (reason, status, kind) in [
            (R::InvalidField, 400, "ConnectionServiceError:UserInputValidationError"),
            (R::InvalidInvitation, 400, "ConnectionServiceError:InvitationParsingError"),
            (R::InvitationNotJson, 400, "ConnectionServiceError:InvitationParsingError"),
            (R::UnsupportedInvitation, 400, "ConnectionServiceError:InvitationParsingError"),
            (R::DidNotFound, 400, "ConnectionServiceError:InvitationParsingError"),
            (R::InvitationExpired, 400, "ConnectionServiceError:InvitationExpired"),
            (R::InvitationUsed, 400, "ConnectionServiceError:InvalidStateForOperation"),
            (R::WrongState, 400, "ConnectionServiceError:InvalidStateForOperation"),
            (R::NotFound, 404, "ConnectionServiceError:RecordIdNotFound"),
            (R::LimitReached, 409, "WalletManagementServiceError:TooManyWebhookError"),
            (R::AlreadyExists, 409, "WalletManagementServiceError:TooManyWebhookError"),
            (R::TooLarge, 413, "ConnectionServiceError:UserInputValidationError"),
            (R::StoreUnavailable, 503, "ServiceUnavailable"),
            (R::EndpointUnavailable, 503, "ServiceUnavailable"),
            (R::Conflict, 503, "ServiceUnavailable"),
            (R::Overloaded, 503, "ServiceUnavailable"),
            (R::Internal, 500, "InternalServerError"),
        ] {
            let error = ErrorResponse::from(Status::from(Failure::new(reason, "x")));
            assert_eq!(error.shown(), (status, format!("error:{kind}")), "{reason:?}");
        }
        let hidden = ErrorResponse::from(Status::internal("SELECT secret"));
        assert_eq!(hidden.detail(), "internal error");
    }

    #[test]
    fn the_title_is_the_class_in_words() {
        let shape = problem(StatusCode::NOT_FOUND, RECORD_NOT_FOUND, "d", "7");
        assert_eq!(
            shape,
            json!({"status": 404, "type": "error:ConnectionServiceError:RecordIdNotFound",
                "title": "Record Id Not Found", "detail": "d", "instance": "error:instance:7"})
        );
    }
}
