use entente_did::DidError;

use crate::primitives::CryptoError;

/// Why an envelope could not be read, opened or packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not JSON, or a member has another type than it must have.
    #[error("{what} is not the JSON it should be: {reason}")]
    Json {
        /// Which part.
        what: &'static str,
        /// What the JSON parser said, shortened.
        reason: String,
    },
    /// A member is missing.
    #[error(
        "the envelope lacks `{member}`; an RFC 0019 envelope has protected, iv, ciphertext and tag"
    )]
    Missing {
        /// Its name.
        member: &'static str,
    },
    /// The shape of a DIDComm v2 envelope.
    #[error(
        "a DIDComm v2 envelope (it has `recipients` outside `protected`); only DIDComm v1 is opened"
    )]
    UnsupportedVersion,
    /// A member is not base64url, or not of the right length.
    #[error("`{member}` is not base64url of {expected}")]
    Encoding {
        /// Its name.
        member: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// A header of `protected` has a value we do not know.
    #[error("`{header}` in `protected` is {actual:?}, expected {expected}")]
    Header {
        /// Its name.
        header: &'static str,
        /// What it holds, shortened.
        actual: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A recipient's `kid` is no key.
    #[error("the `kid` of recipient {index} is not a base58 Ed25519 key: {source}")]
    RecipientKey {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        source: DidError,
    },
    /// `sender` and `iv` must come together, with Authcrypt, and only with it.
    #[error(
        "the header of recipient {index} does not fit `alg`: Authcrypt has sender and iv, Anoncrypt neither"
    )]
    SenderMismatch {
        /// Its place, from 0.
        index: usize,
    },
    /// No recipients at all.
    #[error("no recipients: at least one key is needed")]
    NoRecipients,
    /// Too many recipients.
    #[error("{actual} recipients, at most {limit} are allowed")]
    TooManyRecipients {
        /// The most allowed.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// The envelope is not for the key that was to open it.
    #[error("the envelope is for other keys")]
    NotARecipient,
    /// The envelope was changed, or made for another key. One error for every reason.
    #[error("decryption failed: the envelope was changed or is for another key")]
    Decryption,
    /// A recipient's key cannot be encrypted to.
    #[error("cannot encrypt to recipient {index}: {source}")]
    Recipient {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        source: CryptoError,
    },
    /// The content could not be encrypted, for its size.
    #[error("the message is too large to encrypt")]
    TooLarge,
}

/// The start of a text from outside, for an error.
pub(super) fn excerpt(text: &str) -> String {
    const MAX: usize = 120;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
