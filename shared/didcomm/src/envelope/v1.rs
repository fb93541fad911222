//! The DIDComm v1 envelope (RFC 0019).
//!
//! Traps of the RFC: the cipher is ChaCha20-Poly1305 with a 12-byte nonce although `enc` says xchacha;
//! the `sender` box seals the base58 text of the key, not its bytes; the additional data is the text
//! of `protected` exactly as it came.

mod header;
mod open;
mod pack;

pub use open::Opened;
pub use pack::{pack_anoncrypt, pack_authcrypt};

use entente_did::PublicKey;
use serde::Deserialize;

use super::{EnvelopeError, MAX_RECIPIENTS, member};
use crate::base64url;
use crate::primitives::Sealed;
use header::{Algorithm, Protected};

/// A parsed DIDComm v1 envelope.
#[derive(Debug, Clone)]
pub struct V1 {
    /// As received: the additional authenticated data.
    protected: String,
    algorithm: Algorithm,
    keys: Vec<PublicKey>,
    /// In step with `keys`.
    boxes: Vec<RecipientBox>,
    content: Sealed,
}

/// The members of the envelope.
#[derive(Deserialize)]
pub(super) struct Members {
    protected: Option<String>,
    iv: Option<String>,
    ciphertext: Option<String>,
    tag: Option<String>,
}

/// The content key for one recipient.
#[derive(Debug, Clone)]
struct RecipientBox {
    encrypted_key: Vec<u8>,
    /// The sealed sender and the nonce of `encrypted_key`; only with Authcrypt.
    sender: Option<(Vec<u8>, [u8; 24])>,
}

impl V1 {
    /// The recipients' keys, in the envelope's order.
    pub fn recipients(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Whether the envelope claims a sender, which opening it proves.
    pub fn is_authcrypt(&self) -> bool {
        self.algorithm == Algorithm::Authcrypt
    }

    pub(super) fn decode(members: Members) -> Result<Self, EnvelopeError> {
        let protected = member(members.protected, "protected")?;
        let iv = member(members.iv, "iv")?;
        let ciphertext = member(members.ciphertext, "ciphertext")?;
        let tag = member(members.tag, "tag")?;
        let header = Protected::decode(&protected)?;
        let algorithm = header.algorithm()?;
        let actual = header.recipients.len();
        if actual == 0 {
            return Err(EnvelopeError::NoRecipients);
        }
        if actual > MAX_RECIPIENTS {
            return Err(EnvelopeError::TooManyRecipients { limit: MAX_RECIPIENTS, actual });
        }
        let mut keys = Vec::with_capacity(actual);
        let mut boxes = Vec::with_capacity(actual);
        for (index, recipient) in header.recipients.iter().enumerate() {
            keys.push(recipient.key(index)?);
            boxes.push(recipient.decode(index, algorithm)?);
        }
        let content = Sealed {
            iv: array(&iv, "iv", "12 bytes")?,
            ciphertext: bytes(&ciphertext, "ciphertext")?,
            tag: array(&tag, "tag", "16 bytes")?,
        };
        Ok(Self { protected, algorithm, keys, boxes, content })
    }
}

fn bytes(text: &str, member: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    base64url::decode(text).ok_or(EnvelopeError::Encoding { member, expected: "any bytes" })
}

fn array<const N: usize>(
    text: &str,
    member: &'static str,
    expected: &'static str,
) -> Result<[u8; N], EnvelopeError> {
    base64url::decode_array(text).ok_or(EnvelopeError::Encoding { member, expected })
}
