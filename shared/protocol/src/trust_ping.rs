//! trust_ping/1.0 (RFC 0048).

use entente_didcomm::message::{Message, MessageError, MessageType, Version};
use serde_json::Value;

/// The protocol's name.
pub const PROTOCOL: &str = "trust_ping";

/// Writes a ping that asks for a response.
#[must_use]
pub fn ping(id: &str, comment: &str) -> Message {
    let message = Message::new(id, &MessageType::new(PROTOCOL, Version::new(1, 0), "ping"));
    let message = message.with("response_requested", true);
    if comment.is_empty() { message } else { message.with("comment", comment) }
}

/// The response to a ping, if it wants one.
///
/// # Errors
/// When `response_requested` is not a boolean.
pub fn respond(id: &str, ping: &Message) -> Result<Option<Message>, MessageError> {
    match ping.body.get("response_requested") {
        Some(Value::Bool(false)) => Ok(None),
        None | Some(Value::Null | Value::Bool(true)) => {
            let kind = ping.message_type.answer(Version::new(1, 0), "ping_response");
            Ok(Some(Message::new(id, &kind).reply_to(ping)))
        }
        Some(_) => Err(MessageError::WrongType {
            field: "response_requested",
            expected: "a boolean",
            actual: "something else",
        }),
    }
}
