//! What can be wrong with a DID, a key or a document.

use crate::key::KeyType;

/// Why a DID, DID URL, key or document was refused, or cannot be resolved here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DidError {
    /// The text is not a DID.
    #[error("not a DID: {reason}")]
    InvalidDid {
        /// What is wrong, or what would be right.
        reason: &'static str,
    },
    /// The text is not a DID URL, or a relative one with no base to resolve it against.
    #[error("not a DID URL: {reason}")]
    InvalidDidUrl {
        /// What is wrong, or what would be right.
        reason: &'static str,
    },
    /// Something is larger than we take.
    #[error("{what} is too large: {actual}, and the limit is {limit}")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// The most we take.
        limit: usize,
        /// What came.
        actual: usize,
    },
    /// The text of a key could not be decoded.
    #[error("not a public key: expected {expected}")]
    KeyEncoding {
        /// The encoding that was expected.
        expected: &'static str,
    },
    /// A key has the wrong number of bytes for its type.
    #[error("a public key of type {key_type} has {expected} bytes, not {actual}")]
    KeyLength {
        /// The type the key claims.
        key_type: KeyType,
        /// Bytes a key of this type has.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// A multicodec we have no use for.
    #[error("unsupported key type: multicodec {codec:#x}")]
    KeyTypeUnsupported {
        /// The multicodec number, as in the multicodec table.
        codec: u64,
    },
    /// A key of this type cannot be used for what was asked.
    #[error("a key of type {key_type} cannot be used for {purpose}")]
    KeyTypeMismatch {
        /// The type of the key.
        key_type: KeyType,
        /// What was asked of it.
        purpose: &'static str,
    },
    /// The bytes are no point of the curve.
    #[error("the public key is not a point of its curve")]
    KeyOffCurve,
    /// The point has a small order, and a shared secret with it would be known to anyone.
    #[error("the public key has a low order")]
    KeyLowOrder,
    /// A document breaks the rules of DID Core, of its method or of our limits.
    #[error("invalid DID document: {field}: {reason}")]
    InvalidDocument {
        /// The member of the document.
        field: &'static str,
        /// What is wrong, or what would be right.
        reason: String,
    },
    /// The hash in a did:peer:4 is not the hash of its document.
    #[error("the hash in the did:peer:4 does not match its document")]
    HashMismatch,
    /// Only the long form of a did:peer:4 carries its document, and this is the short one.
    #[error("the short form of a did:peer:4 cannot be resolved before its long form was seen")]
    ShortForm,
    /// The method, or the variant of it, is not one we know how to resolve.
    #[error("unsupported DID method: {method}")]
    MethodNotSupported {
        /// The method's name.
        method: String,
    },
}

/// The error codes of DID Resolution (W3C, section "Errors") that a [`DidError`] maps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionError {
    /// `invalidDid`
    InvalidDid,
    /// `invalidDidDocument`
    InvalidDidDocument,
    /// `notFound`
    NotFound,
    /// `methodNotSupported`
    MethodNotSupported,
}

impl ResolutionError {
    /// The code as DID Resolution spells it.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidDid => "invalidDid",
            Self::InvalidDidDocument => "invalidDidDocument",
            Self::NotFound => "notFound",
            Self::MethodNotSupported => "methodNotSupported",
        }
    }
}

impl DidError {
    /// The error of DID Resolution that says this best.
    pub fn resolution_error(&self) -> ResolutionError {
        match self {
            Self::InvalidDocument { .. } => ResolutionError::InvalidDidDocument,
            Self::ShortForm => ResolutionError::NotFound,
            Self::MethodNotSupported { .. } | Self::KeyTypeUnsupported { .. } => {
                ResolutionError::MethodNotSupported
            }
            _ => ResolutionError::InvalidDid,
        }
    }

    pub(crate) fn document(field: &'static str, reason: impl Into<String>) -> Self {
        Self::InvalidDocument { field, reason: reason.into() }
    }
}
