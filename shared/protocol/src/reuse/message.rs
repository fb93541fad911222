//! handshake-reuse and handshake-reuse-accepted.

use entente_didcomm::message::{Message, MessageType, Unsupported, Version, negotiate};

use super::PROTOCOL;

/// The Empty Message Protocol, and its one message.
pub const EMPTY: &str = "empty";

/// Asks to reuse the connection that it is sent on, for an invitation: `thid` is its own `@id` (RFC 0434).
#[must_use]
pub fn handshake_reuse(id: &str, version: Version, invitation_id: &str) -> Message {
    Message::new(id, &MessageType::new(PROTOCOL, version, "handshake-reuse"))
        .in_thread(id)
        .under_thread(invitation_id)
}

/// Answers an invitation of DIDComm v2 on the connection that it is sent on: `pthid` is the invitation. DIDComm v2 has no
/// message for it, and an empty one carries headers (Empty Message Protocol 1.0).
#[must_use]
pub fn answer_on_connection(id: &str, invitation_id: &str) -> Message {
    empty(id).under_thread(invitation_id)
}

/// A message of DIDComm v2 that has nothing but headers.
#[must_use]
pub fn empty(id: &str) -> Message {
    Message::new_v2(id, &MessageType::new(EMPTY, Version::new(1, 0), EMPTY))
}

/// The invitation that a message of DIDComm v2 answers on the connection that it came on: its first in a thread, which
/// names the invitation as the parent.
#[must_use]
pub fn answered_invitation(message: &Message) -> Option<&str> {
    let first = message.thread_id() == message.id;
    message.parent_thread_id().filter(|_| message.is_v2() && first)
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
