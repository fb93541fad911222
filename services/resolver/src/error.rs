//! Why a DID was not resolved.

use std::time::Duration;

use entente_did::{DidError, ResolutionError};
use entente_net::Refused;
use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;

/// When a did:web host that failed may be asked again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why a DID was not resolved.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The DID, or the document inside it, is wrong, or its method is not supported.
    #[error(transparent)]
    Did(#[from] DidError),
    /// The host of a did:web has no document.
    #[error("the host answered {status} for {url}")]
    NoDocument { url: String, status: u16 },
    /// The host of a did:web gave something else than the DID's document.
    #[error("{url} does not hold the document of this DID: {reason}")]
    WrongDocument { url: String, reason: String },
    /// The host of a did:web may not be connected to.
    #[error("the host of {url} is refused: {refused}")]
    Refused { url: String, refused: Refused },
    /// The host of a did:web does not answer.
    #[error("{url} cannot be fetched: {reason}")]
    Unavailable { url: String, reason: String },
    /// The database.
    #[error(transparent)]
    Store(Failure),
}

impl ResolveError {
    /// The error in one word, for metrics.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Did(error) => match error.resolution_error() {
                ResolutionError::InvalidDid | ResolutionError::InvalidDidDocument => "invalid",
                ResolutionError::NotFound => "not_found",
                ResolutionError::MethodNotSupported => "not_supported",
            },
            Self::NoDocument { .. } | Self::WrongDocument { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } | Self::Store(_) => "unavailable",
        }
    }
}

impl From<StoreError> for ResolveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        let not_found = |code: ResolutionError| {
            Failure::new(ErrorReason::DidNotFound, &message).with("error", code.code())
        };
        match error {
            ResolveError::Did(error) => of_did(&error),
            ResolveError::NoDocument { url, status } => not_found(ResolutionError::NotFound)
                .with("url", url)
                .with("http_status", status.to_string()),
            ResolveError::WrongDocument { url, .. } => {
                not_found(ResolutionError::InvalidDidDocument).with("url", url)
            }
            ResolveError::Refused { url, .. } => {
                Failure::new(ErrorReason::EndpointRefused, message).with("url", url)
            }
            ResolveError::Unavailable { url, .. } => {
                Failure::new(ErrorReason::EndpointUnavailable, message)
                    .with("url", url)
                    .retry_after(RETRY_AFTER)
            }
            ResolveError::Store(failure) => failure,
        }
    }
}

fn of_did(error: &DidError) -> Failure {
    let code = error.resolution_error();
    let reason = match code {
        // Of these methods the document is part of the DID.
        ResolutionError::InvalidDid | ResolutionError::InvalidDidDocument => {
            ErrorReason::InvalidDid
        }
        ResolutionError::NotFound => ErrorReason::DidNotFound,
        ResolutionError::MethodNotSupported => ErrorReason::MethodNotSupported,
    };
    let mut failure = Failure::new(reason, error.to_string()).with("error", code.code());
    if reason == ErrorReason::InvalidDid {
        failure.violations.push(("did".to_owned(), error.to_string()));
    }
    failure
}
