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
        "the envelope lacks `{member}`; an encrypted one has protected, iv, ciphertext and tag, a signed one payload and signatures"
    )]
    Missing {
        /// Its name.
        member: &'static str,
    },
    /// A message that is neither encrypted nor signed.
    #[error("a plaintext message: there is nothing to open")]
    Plaintext,
    /// A header is missing.
    #[error("`{header}` is missing; {expected}")]
    MissingHeader {
        /// Its name, with the member it belongs in.
        header: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
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
    /// A header of `protected` does not fit the others.
    #[error("`{header}` in `protected` does not fit: {rule}")]
    HeaderMismatch {
        /// Its name.
        header: &'static str,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// The ephemeral key is no key, or no point of its curve.
    #[error("`epk` in `protected` is not a usable key: {0}")]
    EphemeralKey(#[source] CryptoError),
    /// The key of the sender is needed to open the envelope.
    #[error("the envelope is from {0}, whose key was not given")]
    UnknownSender(String),
    /// The keys of the signers are needed to check the message.
    #[error("the message is signed by {}, whose keys were not given", .0.join(", "))]
    UnknownSigners(Vec<String>),
    /// Too many signatures, or none.
    #[error("{actual} signatures; 1 to {limit} are allowed")]
    Signatures {
        /// The most allowed.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// Layers that may not be in each other.
    #[error("{inner} within {outer} is not allowed")]
    Nesting {
        /// The outer layer.
        outer: &'static str,
        /// The inner layer.
        inner: &'static str,
    },
    /// The DIDs of the layers' keys are not the same.
    #[error("{rule}: {left} and {right} are of different DIDs")]
    LayerMismatch {
        /// The rule that is broken.
        rule: &'static str,
        /// One key's id, shortened.
        left: String,
        /// The other key's id, shortened.
        right: String,
    },
    /// The sender's key cannot be used.
    #[error("cannot encrypt as the sender: {0}")]
    Sender(#[source] CryptoError),
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
