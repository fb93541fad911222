//! The request: an invitee presents its DID.

use entente_did::{Did, Document};
use entente_didcomm::attachment::Attachment;
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::Message;

use super::{
    Approval, Handshake, Presented, connections, did_exchange, identus, is_resolvable, resolvable,
};
use crate::exchange::Context;
use crate::{Misbehaved, Peer, Terms};

/// A request as it was read; who sent it is not proven yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The handshake to answer in.
    pub handshake: Handshake,
    /// The thread.
    pub thread_id: String,
    /// The `@id` of the invitation. One of connections/1.0 need not name it: then it is an invitation of the key that the
    /// request was packed for.
    pub invitation_id: Option<String>,
    /// The DID that is presented.
    pub did: Did,
    /// What the sender calls itself.
    pub label: String,
    /// Its goal code.
    pub goal_code: Option<String>,
    /// Its goal.
    pub goal: Option<String>,
    pub(super) enclosed: Enclosed,
}

/// The document that a request encloses.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Enclosed {
    /// None.
    Nothing,
    /// `did_doc~attach`, which a key of the document must have signed.
    Attachment(Box<Attachment>),
    /// The `DIDDoc` of connections/1.0. The envelope alone proves that its subject sent it.
    Document(Box<Document>),
}

/// A request whose sender is proven; or, if its peer is unproven, one that came without an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRequest {
    /// The thread.
    pub thread_id: String,
    /// The handshake to answer in.
    pub handshake: Handshake,
    /// Who asks.
    pub peer: Peer,
}

/// Writes a request.
pub(crate) fn write(
    context: &Context,
    terms: &Terms,
    thread_id: &str,
    approval: &Approval,
) -> Message {
    match terms.handshake {
        Handshake::DidExchange10 | Handshake::DidExchange11 => {
            did_exchange::write_request(context, terms, thread_id, approval)
        }
        Handshake::Connections10 => connections::write_request(context, terms, thread_id, approval),
        Handshake::Identus10 => identus::write_request(context, terms, thread_id, approval),
    }
}

impl Request {
    /// Reads a request of any handshake.
    ///
    /// # Errors
    /// [`Misbehaved`], which names the field.
    pub fn read(message: &Message) -> Result<Self, Misbehaved> {
        match super::handshake(message)? {
            Handshake::Connections10 => connections::read_request(message),
            Handshake::Identus10 => identus::read_request(message),
            handshake => did_exchange::read_request(handshake, message),
        }
    }

    /// The DID's document, if it came with the request, or that it must be resolved. What is attached to a DID that
    /// resolves does not count: anyone may sign a document of their own with another's DID as its id.
    ///
    /// # Errors
    /// [`Misbehaved`] when it is missing, unsigned, or signed by another.
    pub fn presented(&self) -> Result<Presented, Misbehaved> {
        match &self.enclosed {
            _ if is_resolvable(&self.did) => Ok(Presented::Resolvable),
            Enclosed::Nothing => resolvable(&self.did),
            Enclosed::Document(document) => Ok(Presented::Attached(document.clone())),
            Enclosed::Attachment(attachment) => {
                let (document, signers) = did_exchange::attached_document(attachment)?;
                let keys = document.ed25519_keys();
                if !signers.iter().any(|signer| keys.contains(signer)) {
                    return Err(Misbehaved::SenderNotInDocument { did: self.did.to_string() });
                }
                Ok(Presented::Attached(Box::new(document)))
            }
        }
    }

    /// The request, if the envelope's sender is who the document describes.
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn verify(
        self,
        document: &Document,
        sender: &AuthenticatedSender,
    ) -> Result<VerifiedRequest, Misbehaved> {
        let peer = Peer::of(self.handshake.envelope(), &self.did, &self.label, document)?;
        let peer = peer.proven_by(sender)?;
        Ok(VerifiedRequest { thread_id: self.thread_id, handshake: self.handshake, peer })
    }

    /// A request of did-exchange that came without an envelope, for the subject of the document to confirm: the response
    /// is for the keys of the document alone, and only a complete of one of them makes a connection.
    ///
    /// # Errors
    /// [`Misbehaved::NoHandshake`] for the other handshakes, in which the envelope alone proves the sender or nothing
    /// confirms the response; [`Misbehaved::NoEndpoint`]; what is wrong with the document.
    pub fn claim(self, document: &Document) -> Result<VerifiedRequest, Misbehaved> {
        if !matches!(self.handshake, Handshake::DidExchange10 | Handshake::DidExchange11) {
            return Err(Misbehaved::NoHandshake);
        }
        let peer = Peer::of(self.handshake.envelope(), &self.did, &self.label, document)?;
        let peer = peer.claimed()?;
        Ok(VerifiedRequest { thread_id: self.thread_id, handshake: self.handshake, peer })
    }
}
