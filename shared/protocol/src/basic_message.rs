//! basicmessage/1.0 (RFC 0095).

use entente_didcomm::message::{Message, MessageType, Version};
use serde_json::json;

/// The protocol's name.
pub const PROTOCOL: &str = "basicmessage";

/// Writes a message. `sent_time` is ISO 8601, UTC.
#[must_use]
pub fn message(id: &str, content: &str, sent_time: &str) -> Message {
    Message::new(id, &MessageType::new(PROTOCOL, Version::new(1, 0), "message"))
        .with("content", content)
        .with("sent_time", sent_time)
        .with("~l10n", json!({"locale": "en"}))
}

/// The text of a basic message; `None` for a message that is none.
#[must_use]
pub fn content(message: &Message) -> Option<&str> {
    let kind = &message.message_type;
    let basic = kind.protocol == PROTOCOL && kind.name == "message";
    basic.then(|| message.text("content").ok().flatten()).flatten()
}
