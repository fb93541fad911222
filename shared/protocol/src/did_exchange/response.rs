//! The response: the inviter presents its DID, and proves that it is the one who invited.

use entente_did::{Did, Document, PublicKey};
use entente_didcomm::attachment::{Attachment, jws};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::Message;

use super::{Presented, Thread, attached_document, is_resolvable, message_type};
use crate::exchange::Approval;
use crate::{Handshake, Misbehaved, Peer, Terms};

/// The most bytes of a DID in `did_rotate~attach`.
const MAX_DID: usize = 16 * 1024;

/// A response as it was read; nothing is proven yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The thread.
    pub thread_id: String,
    /// Its version.
    pub handshake: Handshake,
    /// The DID that is presented.
    pub did: Did,
    document: Option<Attachment>,
    rotation: Option<Attachment>,
}

/// A response that chains to the invitation's key and to the envelope's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedResponse {
    /// The thread.
    pub thread_id: String,
    /// Its version.
    pub handshake: Handshake,
    /// Who answers.
    pub peer: Peer,
}

/// Writes a response. It names the parent thread, without which ACA-Py cannot complete.
#[must_use]
pub fn response(
    id: &str,
    handshake: Handshake,
    thread: Thread<'_>,
    approval: &Approval,
) -> Message {
    let mut message = Message::new(id, &message_type(handshake, "response"))
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
        .with("did", approval.identity.did.as_str());
    for (field, attachment) in
        [("did_doc~attach", &approval.document), ("did_rotate~attach", &approval.rotation)]
    {
        if let Some(attachment) = attachment {
            message = message.with(field, attachment.to_value());
        }
    }
    message
}

impl Response {
    /// Reads a response.
    ///
    /// # Errors
    /// [`Misbehaved`], which names the field.
    pub fn read(message: &Message) -> Result<Self, Misbehaved> {
        Ok(Self {
            handshake: super::handshake(message)?,
            thread_id: message.thread_id().to_owned(),
            did: Did::parse(message.required_text("did")?)?,
            document: message.attachment("did_doc~attach")?,
            rotation: message.attachment("did_rotate~attach")?,
        })
    }

    /// Checks that the response chains to the invitation (RFC 0023, response; the invitation's key signs whichever
    /// attachment is there), and says where the document comes from.
    ///
    /// # Errors
    /// [`Misbehaved`] when a signature is missing, wrong or another's, or the signed DID is not the one presented.
    pub fn presented(
        &self,
        terms: &Terms,
        sender: &AuthenticatedSender,
    ) -> Result<Presented, Misbehaved> {
        let mut proven = self.is_of_inviter(terms, sender);
        if let Some(rotation) = &self.rotation {
            self.check_rotation(rotation, &terms.invitation_keys)?;
            proven = true;
        }
        let mut presented = Presented::Resolvable;
        if let Some(attachment) = &self.document {
            let (document, signers) = attached_document(attachment)?;
            check_signer(&signers, &terms.invitation_keys)?;
            proven = true;
            presented = Presented::Attached(Box::new(document));
        } else if !is_resolvable(&self.did) {
            return Err(Misbehaved::NoDocument { did: self.did.to_string() });
        }
        if proven { Ok(presented) } else { Err(Misbehaved::Unproven) }
    }

    /// The response, if the envelope's sender is who the document describes.
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn verify(
        self,
        label: &str,
        document: &Document,
        sender: &AuthenticatedSender,
    ) -> Result<VerifiedResponse, Misbehaved> {
        let peer = Peer::new(&self.did, label, document, sender)?;
        Ok(VerifiedResponse { thread_id: self.thread_id, handshake: self.handshake, peer })
    }

    /// An inviter that stays with the invitation's own DID and key needs no rotation: the envelope proves it.
    fn is_of_inviter(&self, terms: &Terms, sender: &AuthenticatedSender) -> bool {
        let same_did = terms
            .invitation_did
            .as_ref()
            .is_some_and(|did| did.canonical() == self.did.canonical());
        same_did && terms.invitation_keys.contains(sender.key())
    }

    fn check_rotation(&self, rotation: &Attachment, keys: &[PublicKey]) -> Result<(), Misbehaved> {
        check_signer(&jws::verify(rotation)?, keys)?;
        let rotated = String::from_utf8_lossy(&rotation.content(MAX_DID)?).into_owned();
        if rotated == self.did.as_str() {
            return Ok(());
        }
        Err(Misbehaved::RotatedElsewhere { did: self.did.to_string(), rotated })
    }
}

fn check_signer(signers: &[PublicKey], invitation_keys: &[PublicKey]) -> Result<(), Misbehaved> {
    if signers.iter().any(|signer| invitation_keys.contains(signer)) {
        return Ok(());
    }
    Err(Misbehaved::WrongSigner)
}
