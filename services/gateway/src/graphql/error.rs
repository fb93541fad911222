use async_graphql::{Error, ErrorExtensions as _, Response, ServerError, Value};
use entente_rpc::{ErrorReason, Failure, Status};

/// What a resolver fails with. It becomes an error with the reason as `extensions.code`. It has no Display, so that no
/// other way leads from it to GraphQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError(pub(super) Failure);

impl ApiError {
    pub(super) fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self(Failure::new(reason, message))
    }

    /// A wrong argument, by its path.
    pub(super) fn field(path: &str, description: impl Into<String>) -> Self {
        Self(Failure::field(path, description))
    }

    /// A defect of ours. The caller gets no details; the log does.
    pub(super) fn internal(detail: &str) -> Self {
        tracing::error!(detail, "a GraphQL call failed");
        Self::new(ErrorReason::Internal, "internal error")
    }

    /// An answer without data.
    pub(super) fn response(self) -> Response {
        Response::from_errors(vec![Error::from(self).into_server_error(Default::default())])
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure.reason {
            ErrorReason::Internal => Self::internal(&failure.message),
            _ => Self(failure),
        }
    }
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let mut failure = Failure::of(&status);
        if failure.reason == ErrorReason::Unspecified {
            // A status that none of our services wrote: the way to them, or a defect.
            failure.reason = match status.code() {
                entente_rpc::Code::Unavailable => ErrorReason::ServiceUnavailable,
                _ => ErrorReason::Internal,
            };
        }
        failure.into()
    }
}

impl From<ApiError> for Error {
    fn from(ApiError(failure): ApiError) -> Self {
        let code = failure.reason.name();
        Error::new(failure.message).extend_with(|_, extensions| {
            extensions.set("code", code);
            if !failure.violations.is_empty() {
                extensions.set("violations", violations(&failure.violations));
            }
            if !failure.metadata.is_empty() {
                extensions.set("metadata", object(failure.metadata));
            }
            if let Some(delay) = failure.retry_after {
                let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                extensions.set("retryAfterMilliseconds", milliseconds);
            }
        })
    }
}

/// Gives a code to the errors that GraphQL itself found: a document or an argument that the schema does not allow.
pub(super) fn with_codes(mut response: Response) -> Response {
    for ServerError { extensions, .. } in &mut response.errors {
        let extensions = extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", ErrorReason::InvalidField.name());
        }
    }
    response
}

fn violations(violations: &[(String, String)]) -> Value {
    let entry = |(field, description): &(String, String)| {
        object([
            ("field".to_owned(), field.clone()),
            ("description".to_owned(), description.clone()),
        ])
    };
    Value::List(violations.iter().map(entry).collect())
}

fn object(entries: impl IntoIterator<Item = (String, String)>) -> Value {
    let entry = |(key, value)| (async_graphql::Name::new(key), Value::String(value));
    Value::Object(entries.into_iter().map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(error: ApiError) -> serde_json::Value {
        let response = serde_json::to_value(error.response()).unwrap();
        response["errors"][0].clone()
    }

    #[test]
    fn an_error_has_the_reason_as_its_code() {
        let failure = Failure::wrong_state("exchange", "DONE", "REQUEST");
        let error = json(Status::from(failure).into());
        assert_eq!(error["extensions"]["code"], "WRONG_STATE");
        assert_eq!(error["extensions"]["metadata"]["state"], "DONE");
        let error = json(ApiError::field("page.limit", "is 0"));
        assert_eq!(error["extensions"]["code"], "INVALID_FIELD");
        assert_eq!(error["extensions"]["violations"][0]["field"], "page.limit");
    }

    #[test]
    fn a_defect_is_not_told() {
        for status in [Status::internal("SELECT secret"), Status::unknown("secret")] {
            let error = json(status.into());
            assert_eq!(error["message"], "internal error");
            assert_eq!(error["extensions"]["code"], "INTERNAL");
        }
        let away = json(Status::unavailable("the service cannot be reached").into());
        assert_eq!(away["extensions"]["code"], "SERVICE_UNAVAILABLE");
    }
}
