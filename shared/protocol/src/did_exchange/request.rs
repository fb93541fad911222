//! The request: an invitee presents its DID.

use entente_did::{Did, Document};
use entente_didcomm::attachment::Attachment;
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::Message;

use super::{Presented, attached_document, is_resolvable, message_type};
use crate::exchange::Approval;
use crate::{Handshake, Misbehaved, Peer, Terms};

/// A request as it was read; who sent it is not proven yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The thread.
    pub thread_id: String,
    /// The `@id` of the invitation.
    pub invitation_id: String,
    /// The version to answer in.
    pub handshake: Handshake,
    /// The DID that is presented.
    pub did: Did,
    /// What the sender calls itself.
    pub label: String,
    /// Its goal code.
    pub goal_code: Option<String>,
    /// Its goal.
    pub goal: Option<String>,
    document: Option<Attachment>,
}

/// A request whose sender is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRequest {
    /// The thread.
    pub thread_id: String,
    /// The version to answer in.
    pub handshake: Handshake,
    /// Who asks.
    pub peer: Peer,
}

/// Writes a request.
#[must_use]
pub fn request(id: &str, terms: &Terms, approval: &Approval) -> Message {
    let mut message = Message::new(id, &message_type(terms.handshake, "request"))
        .in_thread(id)
        .under_thread(&terms.invitation_id)
        .with("label", approval.label.as_str())
        .with("did", approval.identity.did.as_str());
    for (field, value) in [("goal_code", &approval.goal_code), ("goal", &approval.goal)] {
        if let Some(value) = value {
            message = message.with(field, value.as_str());
        }
    }
    match &approval.document {
        Some(document) => message.with("did_doc~attach", document.to_value()),
        None => message,
    }
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Misbehaved`], which names the field.
    pub fn read(message: &Message) -> Result<Self, Misbehaved> {
        let text = |field| Ok::<_, Misbehaved>(message.text(field)?.map(str::to_owned));
        Ok(Self {
            handshake: super::handshake(message)?,
            thread_id: message.thread_id().to_owned(),
            invitation_id: message.parent_thread_id().ok_or(Misbehaved::NoParentThread)?.to_owned(),
            did: Did::parse(message.required_text("did")?)?,
            label: text("label")?.unwrap_or_default(),
            goal_code: text("goal_code")?,
            goal: text("goal")?,
            document: message.attachment("did_doc~attach")?,
        })
    }

    /// The DID's document, if it is attached and signed by one of its own keys, or that it must be resolved.
    ///
    /// # Errors
    /// [`Misbehaved`] when it is missing, unsigned, or signed by another.
    pub fn presented(&self) -> Result<Presented, Misbehaved> {
        let attachment = match &self.document {
            Some(attachment) => attachment,
            None if is_resolvable(&self.did) => return Ok(Presented::Resolvable),
            None => return Err(Misbehaved::NoDocument { did: self.did.to_string() }),
        };
        let (document, signers) = attached_document(attachment)?;
        let keys = document.ed25519_keys();
        if !signers.iter().any(|signer| keys.contains(signer)) {
            return Err(Misbehaved::SenderNotInDocument { did: self.did.to_string() });
        }
        Ok(Presented::Attached(Box::new(document)))
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
        let peer = Peer::new(&self.did, &self.label, document, sender)?;
        Ok(VerifiedRequest { thread_id: self.thread_id, handshake: self.handshake, peer })
    }
}
