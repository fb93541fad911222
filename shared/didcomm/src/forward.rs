//! Routing through mediators (RFC 0094; DIDComm v2, "Routing Protocol 2.0"): wrapping an envelope for them,
//! and reading a forward. [`wrap`] is for DIDComm v1, [`v2::wrap`] for v2, whose routing keys are in the
//! other order.

pub mod v2;

use entente_did::{DidError, PublicKey};
use rand_core::CryptoRng;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::attachment::{Attachment, AttachmentError};
use crate::envelope::EnvelopeError;
use crate::envelope::v1::pack_anoncrypt;
use crate::message::{MAX_BYTES, Message, MessageError, MessageType, Version};

/// The most mediators on one path. Each layer makes the envelope a third larger.
pub const MAX_ROUTING_KEYS: usize = 8;

const PROTOCOL: &str = "routing";
const NAME: &str = "forward";

/// Why a forward could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// Too many mediators.
    #[error("{actual} routing keys, at most {limit} are allowed")]
    TooManyRoutingKeys {
        /// The most allowed.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// What is to be wrapped is no JSON object.
    #[error("the envelope to be forwarded is not a JSON object")]
    NotAnEnvelope,
    /// A layer cannot be packed.
    #[error("cannot encrypt the forward to routing key {index}: {source}")]
    RoutingKey {
        /// The key's place in the list, from 0.
        index: usize,
        /// Why.
        source: EnvelopeError,
    },
    /// The message is not a forward that we know.
    #[error("the message is a {actual}, expected routing/1.0/forward or routing/2.0/forward")]
    NotAForward {
        /// Its type.
        actual: String,
    },
    /// A field of the forward is missing or wrong.
    #[error(transparent)]
    Field(#[from] MessageError),
    /// `to` is no key.
    #[error("`to` of the forward is no key: {0}")]
    To(#[from] DidError),
    /// A forward of DIDComm v2 has no attachment, or several.
    #[error("`attachments` of the forward has {actual} entries, expected one encrypted message")]
    AttachmentCount {
        /// How many there are.
        actual: usize,
    },
    /// The attached envelope cannot be read.
    #[error("the forward: {0}")]
    Attachment(#[from] AttachmentError),
}

/// The type of a forward of DIDComm v1.
pub fn message_type() -> MessageType {
    MessageType::new(PROTOCOL, Version::new(1, 0), NAME)
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "@type")]
    message_type: String,
    #[serde(rename = "@id")]
    id: String,
    to: String,
    msg: &'a RawValue,
}

/// Wraps a packed envelope for the mediators on its way. `to` is the key that it is packed for, and
/// `routing_keys` are in the order of the service: the first is the recipient's own mediator, the last
/// the one behind the endpoint, which opens the outermost layer. Without routing keys the envelope comes
/// back as it is. Each forward takes an id from `message_ids`.
///
/// # Errors
/// [`ForwardError::TooManyRoutingKeys`], [`ForwardError::NotAnEnvelope`], [`ForwardError::RoutingKey`].
pub fn wrap(
    envelope: &[u8],
    to: &PublicKey,
    routing_keys: &[PublicKey],
    mut message_ids: impl FnMut() -> String,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ForwardError> {
    let actual = routing_keys.len();
    if actual > MAX_ROUTING_KEYS {
        return Err(ForwardError::TooManyRoutingKeys { limit: MAX_ROUTING_KEYS, actual });
    }
    let mut packed = envelope.to_vec();
    let mut target = to;
    for (index, mediator) in routing_keys.iter().enumerate() {
        let forward = Written {
            message_type: message_type().to_string(),
            id: message_ids(),
            // Mediators of RFC 0019 agents look this up among base58 keys.
            to: target.base58(),
            msg: json_object(&packed)?,
        };
        let plaintext = serde_json::to_vec(&forward).map_err(|_| ForwardError::NotAnEnvelope)?;
        packed = pack_anoncrypt(&plaintext, &[*mediator], rng)
            .map_err(|source| ForwardError::RoutingKey { index, source })?;
        target = mediator;
    }
    Ok(packed)
}

fn json_object(bytes: &[u8]) -> Result<&RawValue, ForwardError> {
    serde_json::from_slice::<&RawValue>(bytes)
        .ok()
        .filter(|raw| raw.get().starts_with('{'))
        .ok_or(ForwardError::NotAnEnvelope)
}

/// A forward that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Whom the envelope is for, as written. In v1 `to`: base58, did:key (with or without fragment), or
    /// another DID. In v2 `next`: a DID, or the DID URL of a key.
    pub to: String,
    /// The envelope's JSON.
    pub envelope: Vec<u8>,
}

impl Forward {
    /// Whether a message type is that of a forward that [`Forward::from_message`] reads.
    pub fn is(message_type: &MessageType) -> bool {
        message_type.is(PROTOCOL, NAME) && matches!(message_type.version.major, 1 | 2)
    }

    /// Reads a forward of either version. The envelope is in `msg` as a JSON object, or as its text as old
    /// agents write it; in v2 it is attached, as JSON or in base64.
    ///
    /// # Errors
    /// [`ForwardError::NotAForward`], [`ForwardError::Field`], [`ForwardError::NotAnEnvelope`]; in v2 also
    /// [`ForwardError::AttachmentCount`], [`ForwardError::Attachment`].
    pub fn from_message(message: &Message) -> Result<Self, ForwardError> {
        let version = message.message_type.version.major;
        let (to, envelope) = match (message.is(PROTOCOL, NAME), version, &message.v2) {
            (true, 1, None) => (message.required_text("to")?, msg(message)?),
            (true, 2, Some(headers)) => {
                (message.required_text("next")?, attached(&headers.attachments)?)
            }
            _ => {
                let actual = message.message_type.to_string().chars().take(120).collect();
                return Err(ForwardError::NotAForward { actual });
            }
        };
        json_object(&envelope)?;
        Ok(Self { to: to.to_owned(), envelope })
    }

    /// The key in `to`.
    ///
    /// # Errors
    /// [`ForwardError::To`] for a DID that must be resolved, and for what is no key.
    pub fn key(&self) -> Result<PublicKey, ForwardError> {
        Ok(PublicKey::parse_reference(&self.to)?)
    }
}

fn msg(message: &Message) -> Result<Vec<u8>, ForwardError> {
    match message.body.get("msg") {
        Some(object @ Value::Object(_)) => Ok(object.to_string().into_bytes()),
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(other) => Err(MessageError::wrong_type("msg", "an object or its text", other).into()),
        None => Err(MessageError::Missing { field: "msg" }.into()),
    }
}

fn attached(attachments: &[Attachment]) -> Result<Vec<u8>, ForwardError> {
    match attachments {
        [one] => Ok(one.content(MAX_BYTES)?),
        several => Err(ForwardError::AttachmentCount { actual: several.len() }),
    }
}

#[cfg(test)]
mod tests;
