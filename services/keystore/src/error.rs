//! What can go wrong, and how a caller sees it.

use entente_did::{DidError, KeyType};
use entente_didcomm::envelope::EnvelopeError;
use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;

use crate::master::MasterKeyError;
use crate::seal::SealError;

/// Why the keystore cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("cannot make the directory {}", .path.display())]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("the keystore's database cannot be opened")]
    Store(#[from] StoreError),
    /// The master key cannot be found or made.
    #[error("the keystore's master key cannot be used")]
    MasterKey(#[from] MasterKeyError),
}

/// Why a call failed. Nothing secret is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeystoreError {
    /// A field of the request is wrong.
    #[error("{field}: {problem}")]
    Field { field: String, problem: String },
    /// Text that names no key.
    #[error("{field}: {source}; write multibase (z6Mk…), did:key or the base58 of an Ed25519 key")]
    KeyText {
        field: String,
        #[source]
        source: DidError,
    },
    #[error("{field}: the keystore has no such key of this tenant")]
    KeyNotFound { field: &'static str },
    #[error("{field}: a key of type {key_type} cannot {purpose}; {expected} can")]
    WrongKeyType { field: String, key_type: KeyType, purpose: &'static str, expected: &'static str },
    #[error("request_id was used before, for keys of other types: {}", list(.0))]
    RequestIdReused(Vec<KeyType>),
    #[error("this private key is not available; make another")]
    Taken,
    #[error("{what} has {actual} bytes; at most {limit} are taken")]
    TooLarge { what: &'static str, limit: usize, actual: usize },
    #[error("page_token is not one that ListKeys gave to this caller")]
    PageToken,
    #[error("the envelope cannot be read: {0}")]
    MalformedEnvelope(#[source] EnvelopeError),
    #[error("no key of this keystore opens the envelope")]
    Undecryptable,
    #[error("the envelope cannot be packed")]
    Pack(#[source] EnvelopeError),
    #[error("a stored key cannot be used")]
    Seal(#[from] SealError),
    #[error("a stored key is not the one that its row names")]
    Mismatch,
    #[error("the master key cannot be changed")]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(types: &[KeyType]) -> String {
    types.iter().map(KeyType::to_string).collect::<Vec<_>>().join(", ")
}

impl KeystoreError {
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { field: field.into(), problem: problem.into() }
    }
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        use ErrorReason as R;
        use KeystoreError as E;
        let text = error.to_string();
        match error {
            E::Field { field, problem } => Failure::field(field, problem),
            E::KeyText { field, .. } => {
                let problem = text.strip_prefix(&format!("{field}: ")).unwrap_or(&text).to_owned();
                Failure::field(field, problem)
            }
            E::KeyNotFound { field } => Failure::new(R::KeyNotFound, text).with("field", field),
            E::WrongKeyType { field, key_type, .. } => Failure::new(R::WrongKeyType, text)
                .with("field", field)
                .with("type", key_type.to_string()),
            E::RequestIdReused(_) => Failure::new(R::RequestIdReused, text),
            E::Taken => Failure::new(R::PermissionDenied, text),
            E::TooLarge { limit, .. } => {
                Failure::new(R::TooLarge, text).with("limit", limit.to_string())
            }
            E::PageToken => Failure::new(R::InvalidPageToken, text),
            E::MalformedEnvelope(_) => Failure::new(R::MalformedEnvelope, text),
            E::Undecryptable => Failure::new(R::Undecryptable, text),
            E::Store(source) | E::MasterKey(MasterKeyError::Store(source)) => source.into(),
            E::Pack(_) | E::Seal(_) | E::Mismatch | E::MasterKey(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "keystore failed");
                Failure::new(R::Internal, "the keystore failed; the log has the details")
            }
        }
    }
}
