//! connections/1.0 (RFC 0160).

use entente_did::{Did, Document};
use entente_didcomm::message::{Message, MessageError};
use entente_didcomm::signature::Signed;
use serde_json::{Map, Value, json};

use super::request::{Enclosed, Request};
use super::response::{Proof, Response, check_signer};
use super::{Approval, Evidence, Handshake, Presented, Thread, resolvable};
use crate::exchange::Context;
use crate::{Misbehaved, Terms};

const CONNECTION: &str = "connection";
const SIGNED: &str = "connection~sig";

/// What a message says of a DID: with its document, unless the peer can resolve it.
#[must_use]
pub fn connection(did: &Did, document: Option<Value>) -> Value {
    match document {
        Some(document) => json!({"DID": did.as_str(), "DIDDoc": document}),
        None => json!({"DID": did.as_str()}),
    }
}

/// It names the invitation as its parent thread: agents that know out-of-band invitations look it up by that.
pub(super) fn write_request(
    context: &Context,
    terms: &Terms,
    thread_id: &str,
    approval: &Approval,
) -> Message {
    let connection = match &approval.evidence {
        Evidence::Connection(connection) => connection.clone(),
        _ => connection(&approval.identity.did, None),
    };
    Handshake::Connections10
        .message(context, "request")
        .in_thread(thread_id)
        .under_thread(&terms.invitation_id)
        .with("label", approval.label.as_str())
        .with(CONNECTION, connection)
}

pub(super) fn write_response(
    context: &Context,
    thread: Thread<'_>,
    approval: &Approval,
) -> Message {
    let message = Handshake::Connections10
        .message(context, "response")
        .in_thread(thread.thid)
        .under_thread(thread.pthid);
    match &approval.evidence {
        Evidence::Connection(signed) => message.with(SIGNED, signed.clone()),
        _ => message,
    }
}

pub(super) fn read_request(message: &Message) -> Result<Request, Misbehaved> {
    let (did, document) = match message.body.get(CONNECTION) {
        Some(Value::Object(connection)) => read_connection(connection)?,
        Some(Value::Null) | None => return Err(MessageError::Missing { field: CONNECTION }.into()),
        Some(_) => return Err(wrong_type(CONNECTION, "an object")),
    };
    Ok(Request {
        handshake: Handshake::Connections10,
        thread_id: message.thread_id().to_owned(),
        invitation_id: message.parent_thread_id().map(str::to_owned),
        did,
        label: message.text("label")?.unwrap_or_default().to_owned(),
        goal_code: None,
        goal: None,
        enclosed: document.map_or(Enclosed::Nothing, Enclosed::Document),
    })
}

/// A `connection` that is not signed is none (RFC 0160: the signature replaces it).
pub(super) fn read_response(message: &Message) -> Result<Response, Misbehaved> {
    let field = message.body.get(SIGNED).ok_or(MessageError::Missing { field: SIGNED })?;
    let connection = Signed::parse(SIGNED, field)?;
    let (did, document) = read_connection(connection.content())?;
    Ok(Response {
        handshake: Handshake::Connections10,
        thread_id: message.thread_id().to_owned(),
        did,
        proof: Proof::Signed { connection: Box::new(connection), document },
    })
}

/// That the signature holds is not enough: the invitation's key must have made it (RFC 0160).
pub(super) fn check_response(
    did: &Did,
    connection: &Signed,
    document: Option<&Document>,
    terms: &Terms,
) -> Result<Presented, Misbehaved> {
    check_signer(&[connection.verify()?], &terms.invitation_keys)?;
    match document {
        Some(document) => Ok(Presented::Attached(Box::new(document.clone()))),
        None => resolvable(did),
    }
}

/// The DID and its document, in the spellings of the RFC and of those who write all fields alike.
fn read_connection(
    connection: &Map<String, Value>,
) -> Result<(Did, Option<Box<Document>>), Misbehaved> {
    let member = |names: [&str; 2]| {
        names.iter().find_map(|name| connection.get(*name)).filter(|value| !value.is_null())
    };
    let did = match member(["DID", "did"]) {
        Some(Value::String(did)) => Did::parse(did)?,
        Some(_) => return Err(wrong_type("connection.DID", "a string")),
        None => return Err(MessageError::Missing { field: "connection.DID" }.into()),
    };
    let document = match member(["DIDDoc", "did_doc"]) {
        Some(document) => Some(Box::new(Document::from_json(document.to_string())?)),
        None => None,
    };
    Ok((did, document))
}

fn wrong_type(field: &'static str, expected: &'static str) -> Misbehaved {
    MessageError::WrongType { field, expected, actual: "something else" }.into()
}
