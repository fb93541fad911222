//! basicmessage/1.0 (RFC 0095) and, over DIDComm v2, basicmessage/2.0.

use entente_didcomm::message::{Message, MessageType, Version};
use serde_json::json;

use crate::handshake::Envelope;

/// The protocol's name.
pub const PROTOCOL: &str = "basicmessage";

/// Writes a message. `sent_time` is ISO 8601, UTC; `now` is the same in milliseconds since the epoch.
#[must_use]
pub fn message(envelope: Envelope, id: &str, content: &str, sent_time: &str, now: i64) -> Message {
    match envelope {
        Envelope::V1 => {
            Message::new(id, &MessageType::new(PROTOCOL, Version::new(1, 0), "message"))
                .with("content", content)
                .with("sent_time", sent_time)
                .with("~l10n", json!({"locale": "en"}))
        }
        Envelope::V2 => {
            Message::new_v2(id, &MessageType::new(PROTOCOL, Version::new(2, 0), "message"))
                .with("content", content)
                .created_at(now.div_euclid(1000))
        }
    }
}

/// The text of a basic message; `None` for a message that is none.
#[must_use]
pub fn content(message: &Message) -> Option<&str> {
    let kind = &message.message_type;
    let basic = kind.protocol == PROTOCOL && kind.name == "message";
    basic.then(|| message.text("content").ok().flatten()).flatten()
}
