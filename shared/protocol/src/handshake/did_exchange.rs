//! did-exchange 1.0 and 1.1 (RFC 0023).

use entente_did::{Did, Document, PublicKey};
use entente_didcomm::attachment::{Attachment, jws};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::Message;

use super::request::{Enclosed, Request};
use super::response::{Proof, Response, check_signer};
use super::{Approval, Evidence, Handshake, Presented, Thread, resolvable};
use crate::exchange::Context;
use crate::{Misbehaved, Terms};

/// The most bytes of a document in an attachment.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The most bytes of a DID in `did_rotate~attach`.
const MAX_DID: usize = 16 * 1024;

pub(super) fn write_request(
    context: &Context,
    terms: &Terms,
    thread_id: &str,
    approval: &Approval,
) -> Message {
    let mut message = terms
        .handshake
        .message(context, "request")
        .in_thread(thread_id)
        .under_thread(&terms.invitation_id)
        .with("label", approval.label.as_str())
        .with("did", approval.identity.did.as_str());
    for (field, value) in [("goal_code", &approval.goal_code), ("goal", &approval.goal)] {
        if let Some(value) = value {
            message = message.with(field, value.as_str());
        }
    }
    attach(message, &approval.evidence)
}

/// It names the parent thread, without which ACA-Py cannot complete.
pub(super) fn write_response(
    context: &Context,
    handshake: Handshake,
    thread: Thread<'_>,
    approval: &Approval,
) -> Message {
    let message = handshake
        .message(context, "response")
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
        .with("did", approval.identity.did.as_str());
    attach(message, &approval.evidence)
}

fn attach(message: Message, evidence: &Evidence) -> Message {
    match evidence {
        Evidence::Document(document) => message.with("did_doc~attach", document.to_value()),
        Evidence::Rotation(rotation) => message.with("did_rotate~attach", rotation.to_value()),
        Evidence::None | Evidence::Connection(_) => message,
    }
}

pub(super) fn read_request(handshake: Handshake, message: &Message) -> Result<Request, Misbehaved> {
    let text = |field| Ok::<_, Misbehaved>(message.text(field)?.map(str::to_owned));
    let invitation_id = message.parent_thread_id().ok_or(Misbehaved::NoParentThread)?;
    Ok(Request {
        handshake,
        thread_id: message.thread_id().to_owned(),
        invitation_id: Some(invitation_id.to_owned()),
        did: Did::parse(message.required_text("did")?)?,
        label: text("label")?.unwrap_or_default(),
        goal_code: text("goal_code")?,
        goal: text("goal")?,
        enclosed: match message.attachment("did_doc~attach")? {
            Some(attachment) => Enclosed::Attachment(Box::new(attachment)),
            None => Enclosed::Nothing,
        },
    })
}

pub(super) fn read_response(
    handshake: Handshake,
    message: &Message,
) -> Result<Response, Misbehaved> {
    Ok(Response {
        handshake,
        thread_id: message.thread_id().to_owned(),
        did: Did::parse(message.required_text("did")?)?,
        proof: Proof::Attachments {
            document: message.attachment("did_doc~attach")?.map(Box::new),
            rotation: message.attachment("did_rotate~attach")?.map(Box::new),
        },
    })
}

/// The invitation's key signs whichever attachment is there (RFC 0023, response).
pub(super) fn check_response(
    did: &Did,
    document: Option<&Attachment>,
    rotation: Option<&Attachment>,
    terms: &Terms,
    sender: &AuthenticatedSender,
) -> Result<Presented, Misbehaved> {
    // An inviter that stays with the invitation's own DID and key needs no rotation: the envelope proves it.
    let mut proven = terms.is_invitation_did(did) && terms.invitation_keys.contains(sender.key());
    if let Some(rotation) = rotation {
        check_rotation(did, rotation, &terms.invitation_keys)?;
        proven = true;
    }
    let presented = match document {
        Some(attachment) => {
            let (document, signers) = attached_document(attachment)?;
            check_signer(&signers, &terms.invitation_keys)?;
            proven = true;
            Presented::Attached(Box::new(document))
        }
        None => resolvable(did)?,
    };
    if proven { Ok(presented) } else { Err(Misbehaved::Unproven) }
}

fn check_rotation(did: &Did, rotation: &Attachment, keys: &[PublicKey]) -> Result<(), Misbehaved> {
    check_signer(&jws::verify(rotation)?, keys)?;
    let rotated = String::from_utf8_lossy(&rotation.content(MAX_DID)?).into_owned();
    if rotated == did.as_str() {
        return Ok(());
    }
    Err(Misbehaved::RotatedElsewhere { did: did.to_string(), rotated })
}

/// The document in `did_doc~attach`, with the keys that signed it.
pub(super) fn attached_document(
    attachment: &Attachment,
) -> Result<(Document, Vec<PublicKey>), Misbehaved> {
    let signers = jws::verify(attachment)?;
    let document = Document::from_json(attachment.content(MAX_DOCUMENT)?)?;
    Ok((document, signers))
}
