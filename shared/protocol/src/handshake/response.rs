//! The response: the inviter presents its DID, and proves that it is the one who invited.

use entente_did::{Did, Document, PublicKey};
use entente_didcomm::attachment::Attachment;
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::Message;
use entente_didcomm::signature::Signed;

use super::{Approval, Handshake, Presented, Thread, connections, did_exchange, identus};
use crate::exchange::Context;
use crate::{Misbehaved, Peer, Terms};

/// A response as it was read; nothing is proven yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Its handshake.
    pub handshake: Handshake,
    /// The thread.
    pub thread_id: String,
    /// The DID that is presented.
    pub did: Did,
    pub(super) proof: Proof,
}

/// By what a response proves that it is the inviter's.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Proof {
    /// did-exchange: attachments that the invitation's key signed.
    Attachments { document: Option<Box<Attachment>>, rotation: Option<Box<Attachment>> },
    /// connections/1.0: `connection~sig`, which the invitation's key signed, and the document in it.
    Signed { connection: Box<Signed>, document: Option<Box<Document>> },
    /// Identus: the envelope, which the invitation's own DID sent.
    Envelope,
}

/// A response that chains to the invitation's key and to the envelope's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedResponse {
    /// The thread.
    pub thread_id: String,
    /// Its handshake.
    pub handshake: Handshake,
    /// Who answers.
    pub peer: Peer,
}

/// Writes a response for a peer.
pub(crate) fn write(
    context: &Context,
    handshake: Handshake,
    thread: Thread<'_>,
    approval: &Approval,
    to: &Did,
) -> Message {
    match handshake {
        Handshake::DidExchange10 | Handshake::DidExchange11 => {
            did_exchange::write_response(context, handshake, thread, approval)
        }
        Handshake::Connections10 => connections::write_response(context, thread, approval),
        Handshake::Identus10 => identus::write_response(context, thread, approval, to),
    }
}

impl Response {
    /// Reads a response of any handshake.
    ///
    /// # Errors
    /// [`Misbehaved`], which names the field.
    pub fn read(message: &Message) -> Result<Self, Misbehaved> {
        match super::handshake(message)? {
            Handshake::Connections10 => connections::read_response(message),
            Handshake::Identus10 => identus::read_response(message),
            handshake => did_exchange::read_response(handshake, message),
        }
    }

    /// Checks that the response chains to the invitation, and says where the document comes from.
    ///
    /// # Errors
    /// [`Misbehaved`] when a signature is missing, wrong or another's, the signed DID is not the one presented, or the
    /// response is of another handshake than the invitation's.
    pub fn presented(
        &self,
        terms: &Terms,
        sender: &AuthenticatedSender,
    ) -> Result<Presented, Misbehaved> {
        // The other version of did-exchange is still its answer (RFC 0003).
        if !self.handshake.answers(terms.handshake) {
            return Err(Misbehaved::OtherHandshake {
                received: self.handshake.name(),
                expected: terms.handshake.name(),
            });
        }
        match &self.proof {
            Proof::Attachments { document, rotation } => did_exchange::check_response(
                &self.did,
                document.as_deref(),
                rotation.as_deref(),
                terms,
                sender,
            ),
            Proof::Signed { connection, document } => {
                connections::check_response(&self.did, connection, document.as_deref(), terms)
            }
            Proof::Envelope => identus::check_response(&self.did, terms, sender),
        }
    }

    /// The response, if the envelope's sender is who the document describes, or, where the invitation's key signed the
    /// document, the invitation's key (RFC 0160 leaves the inviter the choice).
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn verify(
        self,
        terms: &Terms,
        document: &Document,
        sender: &AuthenticatedSender,
    ) -> Result<VerifiedResponse, Misbehaved> {
        let peer = Peer::of(self.handshake.envelope(), &self.did, "", document)?;
        let vouched = matches!(self.proof, Proof::Signed { .. })
            && terms.invitation_keys.contains(sender.key());
        let peer = if vouched && !peer.keys.contains(sender.key()) {
            peer
        } else {
            peer.proven_by(sender)?
        };
        Ok(VerifiedResponse { thread_id: self.thread_id, handshake: self.handshake, peer })
    }
}

pub(super) fn check_signer(
    signers: &[PublicKey],
    invitation_keys: &[PublicKey],
) -> Result<(), Misbehaved> {
    if signers.iter().any(|signer| invitation_keys.contains(signer)) {
        return Ok(());
    }
    Err(Misbehaved::WrongSigner)
}
