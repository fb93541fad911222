//! did-exchange 1.0 and 1.1 (RFC 0023): the messages, written and verified.

mod request;
mod response;

use entente_did::{Did, Document};
use entente_didcomm::attachment::{Attachment, jws};
use entente_didcomm::message::{Message, MessageType, Version, negotiate};

pub use request::{Request, VerifiedRequest, request};
pub use response::{Response, VerifiedResponse, response};

use crate::{Handshake, Misbehaved};

/// The protocol's name.
pub const PROTOCOL: &str = "didexchange";

/// The most bytes of a document in an attachment.
const MAX_DOCUMENT: usize = 64 * 1024;

/// The thread of a handshake's messages.
#[derive(Debug, Clone, Copy)]
pub struct Thread<'a> {
    /// The `@id` of the request.
    pub thid: &'a str,
    /// The `@id` of the invitation.
    pub pthid: &'a str,
}

/// A DID as a message presents it.
#[derive(Debug, Clone, PartialEq)]
pub enum Presented {
    /// Its document is attached.
    Attached(Box<Document>),
    /// Its document must be resolved.
    Resolvable,
}

/// A complete (RFC 0023).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedComplete {
    /// Its thread.
    pub thread_id: String,
}

/// Reads a complete. Its `pthid` is not asked for: not every peer writes it, and the thread is enough.
///
/// # Errors
/// [`Misbehaved`] when its version is not ours.
pub fn read_complete(message: &Message) -> Result<VerifiedComplete, Misbehaved> {
    handshake(message)?;
    Ok(VerifiedComplete { thread_id: message.thread_id().to_owned() })
}

/// Writes a complete.
#[must_use]
pub fn complete(id: &str, handshake: Handshake, thread: Thread<'_>) -> Message {
    Message::new(id, &message_type(handshake, "complete"))
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
}

/// The type of a message of this handshake.
#[must_use]
pub fn message_type(handshake: Handshake, name: &str) -> MessageType {
    MessageType::new(PROTOCOL, handshake.version(), name)
}

/// The version in which a received message is answered (RFC 0003).
fn handshake(message: &Message) -> Result<Handshake, Misbehaved> {
    let version = negotiate(message.message_type.version, Version::new(1, 0), Version::new(1, 1))?;
    Ok(if version.minor == 0 { Handshake::DidExchange10 } else { Handshake::DidExchange11 })
}

/// The document in `did_doc~attach`, with the keys that signed it.
fn attached_document(
    attachment: &Attachment,
) -> Result<(Document, Vec<entente_did::PublicKey>), Misbehaved> {
    let signers = jws::verify(attachment)?;
    let document = Document::from_json(attachment.content(MAX_DOCUMENT)?)?;
    Ok((document, signers))
}

/// Whether a DID's document can be had without the peer's help.
fn is_resolvable(did: &Did) -> bool {
    use entente_did::Method;
    matches!(
        did.method(),
        Method::Key | Method::Peer0 | Method::Peer2 | Method::Peer4 | Method::Web
    )
}
