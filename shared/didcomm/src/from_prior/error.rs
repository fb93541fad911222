use entente_did::DidError;

use crate::message::MessageError;
use crate::primitives::CryptoError;

/// Why a `from_prior` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FromPriorError {
    /// Longer than we read.
    #[error("`from_prior` is {actual} bytes long, at most {limit} are read")]
    TooLarge {
        /// The most read.
        limit: usize,
        /// Its length.
        actual: usize,
    },
    /// Not three parts with dots between them.
    #[error("`from_prior` is no compact JWT: expected header.payload.signature")]
    Parts,
    /// A part is not base64url, or the signature has not 64 bytes.
    #[error("the {part} of `from_prior` is not base64url of what it should be")]
    Encoding {
        /// Which part.
        part: &'static str,
    },
    /// A part is no JSON object.
    #[error("the {part} of `from_prior`: {source}")]
    Json {
        /// Which part.
        part: &'static str,
        /// Why.
        source: MessageError,
    },
    /// A member is missing or of the wrong type.
    #[error("`{member}` of `from_prior` must be {expected}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A member is no DID or DID URL.
    #[error("`{member}` of `from_prior`: {source}")]
    Did {
        /// Its name.
        member: &'static str,
        /// Why.
        source: DidError,
    },
    /// Another algorithm than EdDSA.
    #[error("`alg` of `from_prior` is {actual:?}, expected \"EdDSA\"")]
    Algorithm {
        /// What it says, shortened.
        actual: String,
    },
    /// A header that must be understood, and is not.
    #[error("`from_prior` has the critical header `crit`, which is not supported")]
    Critical,
    /// The key is that of another DID.
    #[error("`kid` of `from_prior` is not a key of `iss`, the prior DID")]
    KeyOfAnother,
    /// The document given is not that of the prior DID.
    #[error("the document is not that of `iss` of `from_prior`")]
    ForeignDocument,
    /// The prior DID's document has no such key, or not for this.
    #[error("`kid` of `from_prior` names no key in `authentication` of the prior DID")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature of `from_prior`: {0}")]
    Signature(CryptoError),
    /// It is for another DID than the sender's.
    #[error("`sub` of `from_prior` is not the sender of the message (`from`)")]
    NotTheSender,
    /// The rotation is yet to come.
    #[error("`iat` of `from_prior`, {rotated_at}, is in the future")]
    FromTheFuture {
        /// When it was rotated, in Unix seconds.
        rotated_at: i64,
    },
}
