//! The Identus agents' connections/1.0 over DIDComm v2: the request and the response carry nothing but their senders.

use entente_did::Did;
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::message::{Message, MessageError};
use serde_json::{Value, json};

use super::request::{Enclosed, Request};
use super::response::{Proof, Response};
use super::{Approval, Handshake, Presented, Thread, resolvable};
use crate::exchange::Context;
use crate::{Misbehaved, Terms};

/// How long a message is good for, in seconds: what the Cloud Agent says.
const LIFETIME: i64 = 1000;

pub(super) fn write_request(
    context: &Context,
    terms: &Terms,
    thread_id: &str,
    approval: &Approval,
) -> Message {
    let thread = Thread { thid: thread_id, pthid: &terms.invitation_id };
    let message = write("request", context, thread, approval);
    match &terms.invitation_did {
        Some(inviter) => message.between(&approval.identity.did, inviter),
        None => message,
    }
}

pub(super) fn write_response(
    context: &Context,
    thread: Thread<'_>,
    approval: &Approval,
    to: &Did,
) -> Message {
    write("response", context, thread, approval).between(&approval.identity.did, to)
}

fn write(name: &str, context: &Context, thread: Thread<'_>, approval: &Approval) -> Message {
    let now = context.now.div_euclid(1000);
    let mut message = Handshake::Identus10
        .message(context, name)
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
        .created_at(now)
        .expiring_at(now.saturating_add(LIFETIME))
        .with("accept", json!([]));
    for (field, value) in [("goal_code", &approval.goal_code), ("goal", &approval.goal)] {
        if let Some(value) = value {
            message = message.with(field, value.as_str());
        }
    }
    message
}

/// The thread is the invitation: `thid`, or, without one, `id` as the agents of Identus look it up.
pub(super) fn read_request(message: &Message) -> Result<Request, Misbehaved> {
    let text = |field| Ok::<_, Misbehaved>(message.text(field)?.map(str::to_owned));
    Ok(Request {
        handshake: Handshake::Identus10,
        thread_id: thread_id(message),
        invitation_id: Some(thread_id(message)),
        did: sender(message)?,
        label: match message.body.get("label") {
            Some(Value::String(label)) => label.clone(),
            _ => String::new(),
        },
        goal_code: text("goal_code")?,
        goal: text("goal")?,
        enclosed: Enclosed::Nothing,
    })
}

pub(super) fn read_response(message: &Message) -> Result<Response, Misbehaved> {
    Ok(Response {
        handshake: Handshake::Identus10,
        // As we wrote it, which was as the invitation did.
        thread_id: message.thread_id().to_owned(),
        did: sender(message)?,
        proof: Proof::Envelope,
    })
}

/// Only the DID that invited may answer, with one of its keys.
pub(super) fn check_response(
    did: &Did,
    terms: &Terms,
    sender: &AuthenticatedSender,
) -> Result<Presented, Misbehaved> {
    if !terms.is_invitation_did(did) {
        return Err(Misbehaved::WrongInviter { did: did.to_string() });
    }
    if !terms.invitation_keys.contains(sender.key()) {
        return Err(Misbehaved::SenderNotInDocument { did: did.to_string() });
    }
    resolvable(did)
}

/// As it is looked up: DIDComm v2 compares ids without regard to case.
fn thread_id(message: &Message) -> String {
    message.comparable(message.thread_id()).into_owned()
}

/// `from`. A handshake is between two, so that there is one recipient, too.
fn sender(message: &Message) -> Result<Did, Misbehaved> {
    if message.to_dids().len() > 1 {
        return Err(Misbehaved::SeveralRecipients(message.to_dids().len()));
    }
    message.from_did().cloned().ok_or(MessageError::Missing { field: "from" }.into())
}
