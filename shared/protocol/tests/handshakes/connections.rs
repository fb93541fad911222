//! A whole handshake of connections/1.0, and the ways to break it.

use entente_didcomm::signature::signing_input;
use entente_protocol::exchange::Transition;
use entente_protocol::handshake::{Part, connection};
use serde_json::{Value, json};

use super::support::*;

/// The invitee (key 2) asks with a legacy DID.
fn requested() -> (Exchange, Message) {
    let (did, document) = create::legacy(&secret(2).public(), ENDPOINT, &[]);
    let evidence = Evidence::Connection(connection(&did, Some(document)));
    let approval = Approval { evidence, ..approval(did, secret(2).public()) };
    let transition = Exchange::invitee(terms(Handshake::Connections10))
        .handle(&context("request-1"), Input::Approve(Box::new(approval)))
        .unwrap();
    (transition.next, sent(&transition.effects))
}

fn verified(request: &Message) -> Result<VerifiedRequest, Misbehaved> {
    let read = Request::read(request)?;
    let Presented::Attached(document) = read.presented()? else { panic!("it is enclosed") };
    read.verify(&document, &sender(2))
}

/// `connection~sig` over the DID of a key, by another.
fn signed_connection(mine: u8, signer: u8) -> Value {
    let (did, document) = create::legacy(&secret(mine).public(), ENDPOINT, &[]);
    let unsigned =
        signing_input(&connection(&did, Some(document)), &secret(signer).public(), 1_700_000_000);
    let signature = secret(signer).sign(unsigned.bytes());
    unsigned.with_signature(signature)
}

/// The inviter (invitation key 1, own key 3) answers.
fn responded(request: &Message, signed: Value) -> Transition {
    let inviter = Exchange::inviter(terms(Handshake::Connections10))
        .handle(&context("unused"), Input::Request(verified(request).unwrap()))
        .unwrap();
    let (did, _) = create::legacy(&secret(3).public(), ENDPOINT, &[]);
    let evidence = Evidence::Connection(signed);
    let approval = Approval { evidence, ..approval(did, secret(3).public()) };
    let approval = Input::Approve(Box::new(approval));
    inviter.next.handle(&context("response-1"), approval).unwrap()
}

fn check(invitee: &Exchange, message: &Message, by: u8) -> Result<Input, Misbehaved> {
    let response = Response::read(message)?;
    let Presented::Attached(document) = response.presented(invitee.terms(), &sender(by))? else {
        panic!("it is enclosed")
    };
    Ok(Input::Response(response.verify(invitee.terms(), &document, &sender(by))?))
}

#[test]
fn two_machines_connect_and_any_message_completes() {
    let (invitee, request) = requested();
    assert_eq!(request.message_type.to_string(), "https://didcomm.org/connections/1.0/request");
    assert_eq!(Part::of(&request), Some(Part::Request));
    assert_eq!(request.body["connection"]["DIDDoc"]["service"][0]["serviceEndpoint"], ENDPOINT);
    let responded = responded(&request, signed_connection(3, 1));
    let message = sent(&responded.effects);
    assert!(!message.body.contains_key("connection"), "the signature replaces it");
    assert_eq!(message.thread_id(), "request-1");

    let done = check(&invitee, &message, 3).unwrap();
    let done = invitee.handle(&context("ping-1"), done).unwrap();
    assert_eq!((done.passed, done.next.state()), (Some(State::Response), State::Done));
    let ping = sent(&done.effects);
    assert_eq!(ping.message_type.to_string(), "https://didcomm.org/trust_ping/1.0/ping");
    assert_eq!(ping.body["response_requested"], false);
    assert_eq!(ping.thread_id(), "request-1");
    let done = responded.next.handle(&context("unused"), Input::PeerMessage).unwrap();
    assert_eq!(done.next.state(), State::Done);
}

#[test]
fn the_invitations_key_must_sign_the_response() {
    let (invitee, request) = requested();
    let mut tampered = signed_connection(3, 1);
    tampered["sig_data"] = signed_connection(4, 1)["sig_data"].clone();
    let mut claimed = signed_connection(3, 7);
    claimed["signer"] = signed_connection(3, 1)["signer"].clone();
    for (signed, expected) in [
        (signed_connection(3, 7), "WrongSigner"),
        (tampered, "SignedField"),
        (claimed, "SignedField"),
        (json!({}), "SignedField"),
        (Value::Null, "SignedField"),
    ] {
        let message = sent(&responded(&request, signed).effects);
        let refused = check(&invitee, &message, 3).unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?}");
    }
    let mut plain = sent(&responded(&request, signed_connection(3, 1)).effects);
    let unsigned = plain.body.remove("connection~sig");
    plain.body.insert("connection".into(), unsigned.unwrap());
    let refused = check(&invitee, &plain, 3).unwrap_err();
    assert!(refused.to_string().contains("connection~sig"), "{refused}");
}

#[test]
fn the_response_may_come_from_the_new_key_or_the_invitations_and_no_other() {
    let (invitee, request) = requested();
    let message = sent(&responded(&request, signed_connection(3, 1)).effects);
    for by in [1, 3] {
        let Ok(Input::Response(response)) = check(&invitee, &message, by) else {
            panic!("refused from {by}")
        };
        assert_eq!(response.peer.key, secret(3).public(), "the connection is with the new key");
    }
    assert!(matches!(check(&invitee, &message, 9), Err(Misbehaved::SenderNotInDocument { .. })));
}

#[test]
fn old_shapes_are_read() {
    let (_, request) = requested();
    let read = |change: fn(&mut Message)| {
        let mut message = request.clone();
        change(&mut message);
        let message = Message::parse(&message.to_vec()).unwrap();
        assert_eq!(Part::of(&message), Some(Part::Request));
        verified(&message)
    };
    let legacy_prefix: fn(&mut Message) = |message| {
        message.message_type.prefix = entente_didcomm::message::Prefix::Legacy;
    };
    let no_parent: fn(&mut Message) = |message| message.thread.pthid = None;
    let other_spelling: fn(&mut Message) = |message| {
        let connection = message.body["connection"].clone();
        message.body["connection"] =
            json!({"did": connection["DID"], "did_doc": connection["DIDDoc"]});
    };
    let qualified: fn(&mut Message) = |message| {
        let did = message.body["connection"]["DID"].as_str().unwrap().to_owned();
        message.body["connection"]["DID"] = format!("did:sov:{did}").into();
    };
    let unqualified_document: fn(&mut Message) = |message| {
        let connection = &mut message.body["connection"];
        let did = connection["DID"].as_str().unwrap().to_owned();
        let text = connection["DIDDoc"].to_string().replace("did:sov:", "");
        connection["DIDDoc"] = serde_json::from_str(&text).unwrap();
        assert_eq!(connection["DIDDoc"]["id"], did);
    };
    for change in [legacy_prefix, no_parent, other_spelling, qualified, unqualified_document] {
        read(change).unwrap();
    }
    let orphan = {
        let mut message = request.clone();
        no_parent(&mut message);
        Request::read(&message).unwrap()
    };
    assert_eq!(orphan.invitation_id, None);
}

#[test]
fn each_field_of_a_request_is_checked() {
    let (_, request) = requested();
    let other = create::legacy(&secret(9).public(), ENDPOINT, &[]);
    for (connection, expected) in [
        (Value::Null, "Message"),
        (json!("x"), "Message"),
        (json!({}), "Message"),
        (json!({"DID": 7}), "Message"),
        (json!({"DID": "nonsense:"}), "Did"),
        (json!({"DID": other.0.as_str()}), "NoDocument"),
        (json!({"DID": other.0.as_str(), "DIDDoc": 7}), "Did"),
        (json!({"DID": other.0.as_str(), "DIDDoc": other.1}), "SenderNotInDocument"),
        (json!({"DID": "did:sov:WgWxqztrNooG92RXvxSTWv", "DIDDoc": other.1}), "ForeignDocument"),
    ] {
        let message = request.clone().with("connection", connection.clone());
        let refused = verified(&message).unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{connection}: {refused:?}");
    }
}

#[test]
fn a_response_of_another_handshake_is_refused() {
    let (_, request) = requested();
    let message = sent(&responded(&request, signed_connection(3, 1)).effects);
    let other = Exchange::invitee(terms(Handshake::DidExchange11));
    assert!(matches!(check(&other, &message, 3), Err(Misbehaved::OtherHandshake { .. })));
}

#[test]
fn a_report_names_its_code_and_thread() {
    let thread = entente_protocol::handshake::Thread { thid: "request-1", pthid: "" };
    for code in [
        problem::REQUEST_NOT_ACCEPTED,
        problem::REQUEST_PROCESSING_ERROR,
        problem::RESPONSE_NOT_ACCEPTED,
        problem::RESPONSE_PROCESSING_ERROR,
    ] {
        let report = problem::handshake(
            &context("report-1"),
            Handshake::Connections10,
            thread,
            code,
            "because",
        );
        assert_eq!(
            report.message_type.to_string(),
            "https://didcomm.org/connections/1.0/problem_report"
        );
        assert_eq!(
            (&report.body["problem-code"], &report.body["explain"]),
            (&code.into(), &"because".into())
        );
        assert_eq!((report.thread_id(), report.parent_thread_id()), ("request-1", None));
        assert_eq!(problem::asks_again(code), code.ends_with("processing_error"));
    }
}
