//! Why a command failed, and how that is told.

use std::process::ExitCode;

use entente_rpc::link::LinkError;
use entente_rpc::{Code, ErrorReason, Failure, Status};
use serde_json::json;

use crate::output::Output;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The suite refused the call, or cannot be reached.
    #[error(transparent)]
    Call(#[from] Box<Status>),
    /// The address or key cannot be used.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The arguments do not go together, or a file cannot be read.
    #[error("{0}")]
    Usage(String),
    /// The call went through, and what was asked for did not happen.
    #[error("{0}")]
    Outcome(String),
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

impl Failed {
    /// Tells it on standard error, and gives the exit code.
    pub fn report(&self, output: Output, server: &str) -> ExitCode {
        let Self::Call(status) = self else {
            let usage = matches!(self, Self::Usage(_) | Self::Link(_));
            tell(output, &self.to_string(), None, &[], None);
            return ExitCode::from(if usage { 2 } else { 1 });
        };
        let failure = Failure::of(status);
        let reason = if failure.reason == ErrorReason::Unspecified {
            code_name(status.code())
        } else {
            failure.reason.name()
        };
        tell(
            output,
            if failure.message.is_empty() { "the call failed" } else { &failure.message },
            Some(reason),
            &failure.violations,
            hint(status.code(), &failure, server),
        );
        ExitCode::FAILURE
    }
}

fn tell(
    output: Output,
    message: &str,
    reason: Option<&str>,
    violations: &[(String, String)],
    hint: Option<String>,
) {
    if output.json {
        let fields: Vec<_> = violations
            .iter()
            .map(|(field, problem)| json!({"field": field, "problem": problem}))
            .collect();
        let error = json!({"message": message, "reason": reason, "fields": fields, "hint": hint});
        return eprintln!("{}", json!({ "error": error }));
    }
    eprintln!("error: {message}");
    if let Some(reason) = reason {
        eprintln!("reason: {reason}");
    }
    for (field, problem) in
        violations.iter().filter(|(field, _)| !message.starts_with(field.as_str()))
    {
        eprintln!("field {field}: {problem}");
    }
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Cancelled => "CANCELLED",
        Code::NotFound => "NOT_FOUND",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Internal => "INTERNAL",
        Code::Unauthenticated => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

fn hint(code: Code, failure: &Failure, server: &str) -> Option<String> {
    use ErrorReason as R;
    let text = match failure.reason {
        R::Unauthenticated => {
            "give the suite's key with --api-key or ENTENTE_API_KEY; `entente serve` keeps a generated one in \
             <data-dir>/admin-api-key"
        }
        R::PermissionDenied => "`entente access` says what the key may do",
        R::CredentialExpired => {
            "an owner of the tenant makes another with `entente api-keys create`"
        }
        R::EventsExpired => {
            "go on from the oldest event that is kept: see the metadata, or use --from-now"
        }
        R::InvitationExpired | R::InvitationUsed | R::InvitationRevoked => {
            "ask the inviter for a new invitation"
        }
        R::EndpointRefused => {
            "an agent delivers to private addresses only with --allow-private-endpoints"
        }
        R::ServiceUnavailable if code == Code::Unavailable => {
            return Some(format!("is `entente serve` running, and is {server} its --grpc-addr?"));
        }
        R::Unspecified if code == Code::Unimplemented => {
            "that process does not run the service: see its --services, and give --server the one that does"
        }
        _ => {
            let delay = failure.retry_after?;
            return Some(format!("try again in {} s", delay.as_secs_f32().ceil()));
        }
    };
    Some(text.to_owned())
}
