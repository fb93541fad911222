//! trust_ping/1.0 (RFC 0048) and, over DIDComm v2, trust-ping/2.0.

use entente_didcomm::message::{Message, MessageError, MessageType, Version};
use serde_json::Value;

use crate::handshake::Envelope;

/// The protocol's name in DIDComm v1.
pub const PROTOCOL: &str = "trust_ping";
/// The protocol's name in DIDComm v2.
pub const PROTOCOL_V2: &str = "trust-ping";

/// Writes a ping that asks for a response.
#[must_use]
pub fn ping(envelope: Envelope, id: &str, comment: &str) -> Message {
    let kind = match envelope {
        Envelope::V1 => MessageType::new(PROTOCOL, Version::new(1, 0), "ping"),
        Envelope::V2 => MessageType::new(PROTOCOL_V2, Version::new(2, 0), "ping"),
    };
    let message = envelope.message(id, &kind).with("response_requested", true);
    match envelope {
        Envelope::V1 if !comment.is_empty() => message.with("comment", comment),
        _ => message,
    }
}

/// Writes a ping of DIDComm v1 that only shows that we are there.
pub(crate) fn notice(id: &str) -> Message {
    ping(Envelope::V1, id, "").with("response_requested", false)
}

/// The response to a ping, if it wants one.
///
/// # Errors
/// When `response_requested` is not a boolean.
pub fn respond(id: &str, ping: &Message) -> Result<Option<Message>, MessageError> {
    let envelope = Envelope::of(ping);
    match ping.body.get("response_requested") {
        Some(Value::Bool(false)) => Ok(None),
        None | Some(Value::Null | Value::Bool(true)) => {
            let kind = match envelope {
                Envelope::V1 => ping.message_type.answer(Version::new(1, 0), "ping_response"),
                Envelope::V2 => ping.message_type.answer(Version::new(2, 0), "ping-response"),
            };
            Ok(Some(envelope.message(id, &kind).reply_to(ping)))
        }
        Some(_) => Err(MessageError::WrongType {
            field: "response_requested",
            expected: "a boolean",
            actual: "something else",
        }),
    }
}
