//! A whole did-exchange, and the ways to break it.

use super::support::*;

struct Handshaking {
    invitee: Exchange,
    request: Message,
}

/// The invitee (key 2) has sent its request.
fn requested(handshake: Handshake, did: Did) -> Handshaking {
    let approval = approval(did, secret(2).public());
    let transition = Exchange::invitee(terms(handshake))
        .handle(&context("request-1"), Input::Approve(Box::new(approval)))
        .unwrap();
    Handshaking { request: sent(&transition.effects), invitee: transition.next }
}

fn verified(request: &Message) -> VerifiedRequest {
    let request = Request::read(request).unwrap();
    assert_eq!(request.presented().unwrap(), Presented::Resolvable);
    let document = resolve(&request.did);
    request.verify(&document, &sender(2)).unwrap()
}

/// The inviter (invitation key 1, own key 3) answers with the given attachment.
fn response(request: &Message, rotation: Option<Attachment>) -> (Exchange, Message) {
    let did = create::v1_peer4(&secret(3).public(), ENDPOINT, &[]).unwrap().long;
    let inviter = Exchange::inviter(terms(Handshake::DidExchange11));
    let inviter =
        inviter.handle(&context("unused"), Input::Request(verified(request))).unwrap().next;
    let evidence = rotation.map_or(Evidence::None, Evidence::Rotation);
    let approval = Approval { evidence, ..approval(did, secret(3).public()) };
    let transition =
        inviter.handle(&context("response-1"), Input::Approve(Box::new(approval))).unwrap();
    let message = sent(&transition.effects);
    (transition.next, message)
}

fn rotation(seed: u8) -> Attachment {
    let did = create::v1_peer4(&secret(3).public(), ENDPOINT, &[]).unwrap().long;
    signed(did.as_str().as_bytes(), seed)
}

#[test]
fn two_machines_connect() {
    for did in [
        create::v1_peer2(&secret(2).public(), ENDPOINT, &[]).unwrap(),
        create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long,
    ] {
        let Handshaking { invitee, request } = requested(Handshake::DidExchange11, did);
        assert_eq!(request.parent_thread_id(), Some("invitation-1"));
        assert!(!request.body.contains_key("did_doc~attach"));
        let (inviter, message) = response(&request, Some(rotation(1)));
        assert_eq!(
            (message.thread_id(), message.parent_thread_id()),
            ("request-1", Some("invitation-1"))
        );

        let response = Response::read(&message).unwrap();
        assert_eq!(response.presented(invitee.terms(), &sender(3)).unwrap(), Presented::Resolvable);
        let document = resolve(&response.did);
        let response = response.verify(invitee.terms(), &document, &sender(3)).unwrap();
        let done = invitee.handle(&context("complete-1"), Input::Response(response)).unwrap();
        assert_eq!((done.passed, done.next.state()), (Some(State::Response), State::Done));

        let complete = sent(&done.effects);
        assert_eq!(
            (complete.thread_id(), complete.parent_thread_id()),
            ("request-1", Some("invitation-1"))
        );
        let complete = read_complete(&complete, &sender(2)).unwrap();
        let done = inviter.handle(&context("unused"), Input::Complete(complete)).unwrap();
        assert_eq!(done.next.state(), State::Done);
    }
}

#[test]
fn an_unqualified_did_comes_with_its_signed_document() {
    let (did, document) = create::legacy(&secret(2).public(), ENDPOINT, &[]);
    let document = document.to_string();
    let mut approval = approval(did, secret(2).public());
    let own = signed(document.as_bytes(), 2);
    approval.evidence = Evidence::Document(own.clone());
    let request = |approval: Approval| {
        let invitee = Exchange::invitee(terms(Handshake::DidExchange10));
        sent(
            &invitee
                .handle(&context("request-1"), Input::Approve(Box::new(approval)))
                .unwrap()
                .effects,
        )
    };
    let message = request(approval.clone());
    assert_eq!(message.message_type.version.minor, 0);
    let read = Request::read(&message).unwrap();
    let Presented::Attached(found) = read.presented().unwrap() else {
        panic!("the document is attached")
    };
    let verified = read.verify(&found, &sender(2)).unwrap();
    assert_eq!(verified.peer.target.endpoint(), ENDPOINT);

    let unsigned = Attachment {
        data: Attachment::from_bytes("doc", "application/json", document.as_bytes()).data,
        ..own
    };
    let by_another = signed(document.as_bytes(), 7);
    for (evidence, expected) in [
        (Evidence::None, "NoDocument"),
        (Evidence::Document(unsigned), "Signature"),
        (Evidence::Document(by_another), "SenderNotInDocument"),
    ] {
        let refused = Request::read(&request(Approval { evidence, ..approval.clone() }))
            .unwrap()
            .presented()
            .unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?}");
    }
}

/// A document of one's own does not make one the subject of a DID that resolves to another.
#[test]
fn what_is_attached_to_a_did_that_resolves_does_not_count() {
    let victim = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let (_, document) = create::legacy(&secret(9).public(), ENDPOINT, &[]);
    let document =
        document.to_string().replace(document["id"].as_str().unwrap(), victim.canonical().as_str());
    let mut approval = approval(victim, secret(9).public());
    approval.evidence = Evidence::Document(signed(document.as_bytes(), 9));
    let invitee = Exchange::invitee(terms(Handshake::DidExchange11));
    let request = invitee.handle(&context("request-1"), Input::Approve(Box::new(approval)));
    let read = Request::read(&sent(&request.unwrap().effects)).unwrap();
    assert_eq!(read.presented().unwrap(), Presented::Resolvable);
    let resolved = resolve(&read.did);
    assert!(matches!(
        read.verify(&resolved, &sender(9)),
        Err(Misbehaved::SenderNotInDocument { .. })
    ));
}

#[test]
fn only_a_request_of_did_exchange_is_taken_without_an_envelope() {
    let did = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let Handshaking { request, .. } = requested(Handshake::DidExchange11, did.clone());
    let read = Request::read(&request).unwrap();
    let claimed = read.claim(&resolve(&did)).unwrap();
    assert!(claimed.peer.unproven);
    for handshake in [Handshake::Connections10, Handshake::Identus10] {
        let mut other = Request::read(&request).unwrap();
        other.handshake = handshake;
        assert_eq!(other.claim(&resolve(&did)), Err(Misbehaved::NoHandshake));
    }
}

#[test]
fn a_request_must_come_from_a_key_of_its_document() {
    let did = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let Handshaking { request, .. } = requested(Handshake::DidExchange11, did);
    let read = Request::read(&request).unwrap();
    let document = resolve(&read.did);
    assert!(matches!(
        read.clone().verify(&document, &sender(9)),
        Err(Misbehaved::SenderNotInDocument { .. })
    ));
    let foreign = resolve(&create::v1_peer2(&secret(2).public(), ENDPOINT, &[]).unwrap());
    assert!(matches!(read.verify(&foreign, &sender(2)), Err(Misbehaved::ForeignDocument { .. })));
}

#[test]
fn a_request_needs_its_parent_thread_and_its_did() {
    let did = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let Handshaking { request, .. } = requested(Handshake::DidExchange11, did);
    let mut orphan = request.clone();
    orphan.thread.pthid = None;
    assert_eq!(Request::read(&orphan), Err(Misbehaved::NoParentThread));
    for did in [None, Some(7.into()), Some("nonsense:".into())] {
        let mut broken = request.clone();
        broken.body.remove("did");
        broken.body.extend(did.map(|did| ("did".to_owned(), did)));
        assert!(Request::read(&broken).is_err());
    }
}

#[test]
fn a_response_must_chain_to_the_invitation() {
    let did = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let Handshaking { invitee, request } = requested(Handshake::DidExchange11, did);
    let mut unsigned = rotation(1);
    unsigned.data.jws = None;
    let elsewhere = signed(b"did:peer:4zQmElsewhere", 1);
    let mut tampered = rotation(1);
    tampered.data.base64 = elsewhere.data.base64.clone();
    for (attachment, expected) in [
        (None, "Unproven"),
        (Some(unsigned), "Signature"),
        (Some(rotation(3)), "WrongSigner"),
        (Some(elsewhere), "RotatedElsewhere"),
        (Some(tampered), "Signature"),
    ] {
        let (_, message) = response(&request, attachment);
        let refused =
            Response::read(&message).unwrap().presented(invitee.terms(), &sender(3)).unwrap_err();
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?}");
    }
}

#[test]
fn a_higher_minor_is_answered_in_ours_and_another_major_refused() {
    let did = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap().long;
    let Handshaking { mut request, .. } = requested(Handshake::DidExchange11, did);
    request.message_type.version.minor = 9;
    assert_eq!(Request::read(&request).unwrap().handshake, Handshake::DidExchange11);
    request.message_type.version.major = 2;
    assert!(matches!(Request::read(&request), Err(Misbehaved::Version(_))));
}

#[test]
fn both_forms_of_a_peer_did_are_one_peer() {
    let pair = create::v1_peer4(&secret(2).public(), ENDPOINT, &[]).unwrap();
    let long = peer4::resolve_long(&pair.long).unwrap();
    assert!(Peer::of(Envelope::V1, &pair.short, "", &long).is_ok());
    let other =
        peer2::resolve(&create::v1_peer2(&secret(2).public(), ENDPOINT, &[]).unwrap()).unwrap();
    assert!(Peer::of(Envelope::V1, &pair.short, "", &other).is_err());
}
