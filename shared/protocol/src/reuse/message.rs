//! handshake-reuse and handshake-reuse-accepted.

use entente_didcomm::message::{Message, MessageType, Unsupported, Version, negotiate};

use super::PROTOCOL;

/// Asks to reuse the connection that it is sent on, for an invitation: `thid` is its own `@id` (RFC 0434).
#[must_use]
pub fn handshake_reuse(id: &str, version: Version, invitation_id: &str) -> Message {
    Message::new(id, &MessageType::new(PROTOCOL, version, "handshake-reuse"))
        .in_thread(id)
        .under_thread(invitation_id)
}

/// Accepts a reuse, in the version that it came in.
#[must_use]
pub fn accepted(id: &str, version: Version, reuse: &Message) -> Message {
    let kind = reuse.message_type.answer(version, "handshake-reuse-accepted");
    Message::new(id, &kind).reply_to(reuse)
}

/// The version in which an out-of-band message is answered (RFC 0003).
///
/// # Errors
/// [`Unsupported`].
pub fn version(received: &Message) -> Result<Version, Unsupported> {
    negotiate(received.message_type.version, Version::new(1, 0), Version::new(1, 1))
}
