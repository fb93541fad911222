//! Encrypted envelopes: seen from outside ([`Envelope::peek`]), packed and opened.
//!
//! The version of an envelope shows in its content, so that no media type is needed (RFC 0044).

mod error;
mod sender;
pub mod v1;

pub use error::EnvelopeError;
pub use sender::AuthenticatedSender;
pub use v1::{Opened, V1};

use entente_did::PublicKey;
use serde::Deserialize;
use serde::de::IgnoredAny;

use error::excerpt;

/// The most recipients that an envelope may name.
pub const MAX_RECIPIENTS: usize = 64;

/// The media type of a DIDComm v1 envelope (RFC 0044).
pub const MEDIA_TYPE_V1: &str = "application/didcomm-envelope-enc";

/// An envelope that has been parsed, and not opened yet: everything in it is a claim.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Envelope {
    /// DIDComm v1 (RFC 0019).
    V1(V1),
}

/// The members that tell the versions apart.
#[derive(Deserialize)]
struct Outer {
    protected: Option<String>,
    iv: Option<String>,
    ciphertext: Option<String>,
    tag: Option<String>,
    recipients: Option<IgnoredAny>,
}

impl Envelope {
    /// Parses an envelope and decodes all of it, once. Takes memory and time in proportion to `bytes`,
    /// whose length the caller has limited; unknown members are ignored.
    ///
    /// # Errors
    /// [`EnvelopeError`], which names the member that is wrong;
    /// [`EnvelopeError::UnsupportedVersion`] for a DIDComm v2 envelope.
    pub fn peek(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let outer: Outer = serde_json::from_slice(bytes).map_err(|error| EnvelopeError::Json {
            what: "the envelope",
            reason: excerpt(&error.to_string()),
        })?;
        if outer.recipients.is_some() {
            return Err(EnvelopeError::UnsupportedVersion);
        }
        let member = |value: Option<String>, member| value.ok_or(EnvelopeError::Missing { member });
        let protected = member(outer.protected, "protected")?;
        let iv = member(outer.iv, "iv")?;
        let ciphertext = member(outer.ciphertext, "ciphertext")?;
        let tag = member(outer.tag, "tag")?;
        V1::decode(protected, &iv, &ciphertext, &tag).map(Self::V1)
    }

    /// The keys that the envelope says it is for, in its order: at least one.
    pub fn recipients(&self) -> &[PublicKey] {
        match self {
            Self::V1(envelope) => envelope.recipients(),
        }
    }
}

#[cfg(test)]
mod tests;
