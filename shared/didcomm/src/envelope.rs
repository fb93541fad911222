//! Envelopes: seen from outside ([`Envelope::peek`]), packed and opened.
//!
//! The version and kind of an envelope show in its content, so that no media type is needed (RFC 0044).

mod error;
mod kind;
mod sender;
pub mod v1;
pub mod v2;

pub use error::EnvelopeError;
pub use sender::AuthenticatedSender;
pub use v1::{Opened, V1};

use serde::de::DeserializeOwned;

use error::excerpt;
use kind::Kind;

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
    /// DIDComm v2, encrypted (JWE).
    V2(v2::Encrypted),
    /// DIDComm v2, signed and not encrypted (JWS).
    Signed(v2::Signed),
}

impl Envelope {
    /// Parses an envelope and decodes all of it, once. Takes memory and time in proportion to `bytes`,
    /// whose length the caller has limited; unknown members are ignored.
    ///
    /// # Errors
    /// [`EnvelopeError`], which names the member that is wrong; [`EnvelopeError::Plaintext`] for a message of either
    /// version that is not in an envelope.
    pub fn peek(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match Kind::of(bytes).map_err(not_json)? {
            // An unknown one is told what it lacks.
            Kind::V1 | Kind::Unknown => V1::decode(parse(bytes)?).map(Self::V1),
            Kind::Encrypted => v2::Encrypted::decode(parse(bytes)?).map(Self::V2),
            Kind::Signed => v2::Signed::decode(parse(bytes)?).map(Self::Signed),
            Kind::Plaintext => Err(EnvelopeError::Plaintext),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, EnvelopeError> {
    serde_json::from_slice(bytes).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> EnvelopeError {
    EnvelopeError::Json { what: "the envelope", reason: excerpt(&error.to_string()) }
}

/// A member that must be there.
fn member<T>(value: Option<T>, member: &'static str) -> Result<T, EnvelopeError> {
    value.ok_or(EnvelopeError::Missing { member })
}

#[cfg(test)]
mod tests;
