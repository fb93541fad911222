//! The handshakes. What differs between them stands here: how their messages are written and read, what they prove, and
//! what completes them. The machine ([`crate::exchange`]) and those who drive it know one [`Request`], one [`Response`]
//! and one [`Approval`].

mod connections;
mod did_exchange;
mod identus;
mod request;
mod response;

use entente_did::{Did, Document, Method};
use entente_didcomm::attachment::Attachment;
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::{Message, MessageType, Prefix, Version, negotiate};
use entente_didcomm::out_of_band::HandshakeProtocol;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use connections::connection;
pub(crate) use request::write as write_request;
pub use request::{Request, VerifiedRequest};
pub(crate) use response::write as write_response;
pub use response::{Response, VerifiedResponse};

use crate::exchange::Context;
use crate::{Identity, Misbehaved, Terms, trust_ping};

/// Which handshake, at which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Handshake {
    /// didexchange/1.0 (RFC 0023).
    DidExchange10,
    /// didexchange/1.1 (RFC 0023).
    DidExchange11,
    /// connections/1.0 (RFC 0160).
    Connections10,
    /// The Identus agents' connections/1.0, over DIDComm v2.
    Identus10,
}

/// The version of DIDComm that a handshake and its connection speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Envelope {
    /// DIDComm v1 (RFC 0019).
    V1,
    /// DIDComm v2.
    V2,
}

/// What a message of a handshake is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The invitee's DID.
    Request,
    /// The inviter's.
    Response,
    /// did-exchange's confirmation. In the others any message confirms.
    Complete,
}

/// The thread of a handshake's messages.
#[derive(Debug, Clone, Copy)]
pub struct Thread<'a> {
    /// The request's thread.
    pub thid: &'a str,
    /// The `@id` of the invitation.
    pub pthid: &'a str,
}

/// A DID as a message presents it.
#[derive(Debug, Clone, PartialEq)]
pub enum Presented {
    /// Its document came with it.
    Attached(Box<Document>),
    /// Its document must be resolved.
    Resolvable,
}

/// The identity with which we go on, and all that is written about it.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Our DID and key.
    pub identity: Identity,
    /// What we call ourselves.
    pub label: String,
    /// What goes with the DID.
    pub evidence: Evidence,
    /// The goal code, for a request, and for the response of Identus.
    pub goal_code: Option<String>,
    /// The goal, likewise.
    pub goal: Option<String>,
}

/// What goes with our DID in a request or response.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Evidence {
    /// Nothing: the DID speaks for itself.
    #[default]
    None,
    /// did-exchange: `did_doc~attach`, signed, for a DID that the peer cannot resolve. The inviter's is signed by the
    /// invitation's key, the invitee's by its own.
    Document(Attachment),
    /// did-exchange: the inviter's `did_rotate~attach`, signed by the invitation's key, for a DID that it can resolve.
    Rotation(Attachment),
    /// connections/1.0: the invitee's [`connection`], or the inviter's `connection~sig` over it, signed by the
    /// invitation's key ([`entente_didcomm::signature`]).
    Connection(Value),
}

/// A complete (RFC 0023).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedComplete {
    /// Its thread.
    pub thread_id: String,
    /// Who sent it.
    pub sender: AuthenticatedSender,
}

impl Envelope {
    /// A message of this version with nothing but its headers.
    pub(crate) fn message(self, id: &str, kind: &MessageType) -> Message {
        match self {
            Self::V1 => Message::new(id, kind),
            Self::V2 => Message::new_v2(id, kind),
        }
    }

    /// The version that a received message is of.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        if message.is_v2() { Self::V2 } else { Self::V1 }
    }
}

impl Handshake {
    /// Those that we speak, the one we like best first for each version of DIDComm.
    pub const ALL: [Self; 4] =
        [Self::DidExchange11, Self::DidExchange10, Self::Connections10, Self::Identus10];

    /// The protocol's version.
    #[must_use]
    pub fn version(self) -> Version {
        match self {
            Self::DidExchange10 | Self::Connections10 | Self::Identus10 => Version::new(1, 0),
            Self::DidExchange11 => Version::new(1, 1),
        }
    }

    /// The version of DIDComm.
    #[must_use]
    pub fn envelope(self) -> Envelope {
        match self {
            Self::DidExchange10 | Self::DidExchange11 | Self::Connections10 => Envelope::V1,
            Self::Identus10 => Envelope::V2,
        }
    }

    /// As it stands in an invitation.
    #[must_use]
    pub fn protocol(self) -> HandshakeProtocol {
        match self {
            Self::DidExchange10 => HandshakeProtocol::DidExchange10,
            Self::DidExchange11 => HandshakeProtocol::DidExchange11,
            Self::Connections10 => HandshakeProtocol::Connections10,
            Self::Identus10 => HandshakeProtocol::Identus10,
        }
    }

    /// The handshake of an invitation's entry, if it is one that we speak.
    #[must_use]
    pub fn from_protocol(protocol: HandshakeProtocol) -> Option<Self> {
        Self::ALL.into_iter().find(|handshake| handshake.protocol() == protocol)
    }

    /// The name that people know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DidExchange10 => "didexchange/1.0",
            Self::DidExchange11 => "didexchange/1.1",
            Self::Connections10 => "connections/1.0",
            Self::Identus10 => "Identus connections/1.0",
        }
    }

    /// Whether the inviter is done as soon as its response was delivered: no message of the invitee confirms it.
    #[must_use]
    pub fn completes_on_delivery(self) -> bool {
        self == Self::Identus10
    }

    /// Whether the peer's `…_processing_error` asks for the same message again (RFC 0160, errors). In the others a
    /// problem report ends the handshake.
    #[must_use]
    pub fn resends(self) -> bool {
        self == Self::Connections10
    }

    /// Whether a response of this handshake answers a request of another one: of another version (RFC 0003).
    #[must_use]
    pub fn answers(self, request: Self) -> bool {
        let did_exchange =
            |handshake| matches!(handshake, Self::DidExchange10 | Self::DidExchange11);
        self == request || (did_exchange(self) && did_exchange(request))
    }

    /// The type of a message of this handshake.
    pub(crate) fn message_type(self, name: &str) -> MessageType {
        let (prefix, protocol) = match self {
            Self::DidExchange10 | Self::DidExchange11 => (Prefix::Current, "didexchange"),
            Self::Connections10 => (Prefix::Current, "connections"),
            Self::Identus10 => (Prefix::Identus, "connections"),
        };
        MessageType { prefix, ..MessageType::new(protocol, self.version(), name) }
    }

    /// The thread that a request of ours begins.
    pub(crate) fn request_thread(self, terms: &Terms, message_id: &str) -> String {
        match self {
            // The inviter finds its invitation by the thread alone.
            Self::Identus10 => terms.invitation_id.clone(),
            _ => message_id.to_owned(),
        }
    }

    /// A message of this handshake with nothing but its headers.
    fn message(self, context: &Context, name: &str) -> Message {
        self.envelope().message(&context.message_id, &self.message_type(name))
    }
}

impl Part {
    /// What a received message is, if it is of a handshake, in whatever version.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        let family = family(message)?;
        match message.message_type.name.as_str() {
            "request" => Some(Self::Request),
            "response" => Some(Self::Response),
            "complete" if family == Handshake::DidExchange11 => Some(Self::Complete),
            _ => None,
        }
    }
}

/// The handshake that a message is of, at the highest version that we speak.
fn family(message: &Message) -> Option<Handshake> {
    let kind = &message.message_type;
    match (&kind.prefix, kind.protocol.as_str(), message.is_v2()) {
        (Prefix::Current | Prefix::Legacy, "didexchange", false) => Some(Handshake::DidExchange11),
        (Prefix::Current | Prefix::Legacy, "connections", false) => Some(Handshake::Connections10),
        (Prefix::Identus, "connections", true) => Some(Handshake::Identus10),
        _ => None,
    }
}

/// The handshake in which a received message is answered (RFC 0003).
fn handshake(message: &Message) -> Result<Handshake, Misbehaved> {
    let Some(family) = family(message) else { return Err(Misbehaved::NoHandshake) };
    let version = negotiate(message.message_type.version, Version::new(1, 0), family.version())?;
    Ok(match family {
        Handshake::DidExchange11 if version.minor == 0 => Handshake::DidExchange10,
        family => family,
    })
}

/// Reads a complete. Its `pthid` is not asked for: not every peer writes it, and the thread is enough.
///
/// # Errors
/// [`Misbehaved`] when its version is not ours.
pub fn read_complete(
    message: &Message,
    sender: &AuthenticatedSender,
) -> Result<VerifiedComplete, Misbehaved> {
    handshake(message)?;
    Ok(VerifiedComplete { thread_id: message.thread_id().to_owned(), sender: *sender })
}

/// What the invitee sends upon the response, if it sends anything: did-exchange's complete, or a ping, as connections/1.0
/// has no message for it (RFC 0160, "the connection is complete").
pub(crate) fn confirmation(
    context: &Context,
    handshake: Handshake,
    thread: Thread<'_>,
) -> Option<Message> {
    match handshake {
        Handshake::DidExchange10 | Handshake::DidExchange11 => Some(
            handshake
                .message(context, "complete")
                .in_thread(thread.thid)
                .under_thread(thread.pthid),
        ),
        Handshake::Connections10 => {
            Some(trust_ping::notice(&context.message_id).in_thread(thread.thid))
        }
        Handshake::Identus10 => None,
    }
}

/// Whether a DID's document can be had without the peer's help.
fn is_resolvable(did: &Did) -> bool {
    matches!(
        did.method(),
        Method::Key | Method::Peer0 | Method::Peer2 | Method::Peer4 | Method::Web
    )
}

/// Where a document comes from that did not come with the message.
fn resolvable(did: &Did) -> Result<Presented, Misbehaved> {
    match is_resolvable(did) {
        true => Ok(Presented::Resolvable),
        false => Err(Misbehaved::NoDocument { did: did.to_string() }),
    }
}
