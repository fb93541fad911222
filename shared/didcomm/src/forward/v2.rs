//! Wrapping for the mediators of DIDComm v2.

use entente_did::Did;
use rand_core::CryptoRng;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{ForwardError, MAX_ROUTING_KEYS, NAME, PROTOCOL, json_object};
use crate::envelope::v2::{MEDIA_TYPE_ENCRYPTED, NamedKey, pack_anoncrypt};
use crate::message::{MEDIA_TYPE_PLAIN, MessageType, Version};
use crate::primitives::ContentEncryption;

/// A mediator on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// How the routing keys name it: the DID URL of a key, or a DID.
    pub name: String,
    /// The keys to encrypt to, of one curve: the one that `name` names, or those of the DID's
    /// `keyAgreement`.
    pub keys: Vec<NamedKey>,
}

/// The type of a forward of DIDComm v2.
pub fn message_type() -> MessageType {
    MessageType::new(PROTOCOL, Version::new(2, 0), NAME)
}

#[derive(Serialize)]
struct Written<'a> {
    id: String,
    typ: &'static str,
    #[serde(rename = "type")]
    message_type: String,
    to: [&'a str; 1],
    body: Body<'a>,
    attachments: [Attached<'a>; 1],
}

#[derive(Serialize)]
struct Body<'a> {
    next: &'a str,
}

#[derive(Serialize)]
struct Attached<'a> {
    id: &'static str,
    media_type: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    json: &'a RawValue,
}

/// Wraps a packed envelope for the mediators on its way to `recipient`. `routing` is in the order of the
/// service's routing keys: the first is the mediator behind the endpoint, which opens the outermost layer,
/// the last the recipient's own. Without mediators the envelope comes back as it is. Each forward takes an
/// id from `message_ids`.
///
/// # Errors
/// [`ForwardError::TooManyRoutingKeys`], [`ForwardError::NotAnEnvelope`], [`ForwardError::RoutingKey`].
pub fn wrap(
    envelope: &[u8],
    recipient: &Did,
    routing: &[Hop],
    mut message_ids: impl FnMut() -> String,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ForwardError> {
    let actual = routing.len();
    if actual > MAX_ROUTING_KEYS {
        return Err(ForwardError::TooManyRoutingKeys { limit: MAX_ROUTING_KEYS, actual });
    }
    let mut packed = envelope.to_vec();
    let mut next = recipient.as_str();
    for (index, mediator) in routing.iter().enumerate().rev() {
        let kid = mediator.keys.first().map_or(mediator.name.as_str(), |key| key.kid.as_str());
        let forward = Written {
            id: message_ids(),
            typ: MEDIA_TYPE_PLAIN,
            message_type: message_type().to_string(),
            to: [kid.split('#').next().unwrap_or(kid)],
            body: Body { next },
            attachments: [Attached {
                id: "0",
                media_type: MEDIA_TYPE_ENCRYPTED,
                data: Data { json: json_object(&packed)? },
            }],
        };
        let plaintext = serde_json::to_vec(&forward).map_err(|_| ForwardError::NotAnEnvelope)?;
        // The one encryption that every agent must know.
        packed = pack_anoncrypt(&plaintext, &mediator.keys, ContentEncryption::A256CbcHs512, rng)
            .map_err(|source| ForwardError::RoutingKey { index, source })?;
        next = &mediator.name;
    }
    Ok(packed)
}

#[cfg(test)]
mod tests;
