//! A whole handshake of the Identus agents, and the ways to break it.

use entente_protocol::handshake::Part;

use super::support::*;

/// The identity of a key as Identus makes it: X25519 first.
fn identity(seed: u8) -> Identity {
    let key = secret(seed).public();
    let agreement = key.to_x25519().unwrap();
    let keys = [(peer2::Purpose::KeyAgreement, agreement), (peer2::Purpose::Authentication, key)];
    let service = entente_did::Service {
        id: None,
        kind: entente_did::ServiceType::DidCommMessaging(vec![entente_did::V2Endpoint {
            uri: ENDPOINT.into(),
            accept: vec!["didcomm/v2".into()],
            routing_keys: Vec::new(),
        }]),
    };
    Identity { did: peer2::encode(&keys, &[service]).unwrap(), key: agreement }
}

fn by(seed: u8) -> AuthenticatedSender {
    AuthenticatedSender::from_keystore_answer(identity(seed).key)
}

fn identus_terms() -> Terms {
    let inviter = identity(1);
    let document = resolve(&inviter.did);
    Terms {
        handshake: Handshake::Identus10,
        invitation_id: "invitation-1".into(),
        invitation_keys: vec![inviter.key],
        target: Some(Target::of(Envelope::V2, &document).unwrap()),
        invitation_did: Some(inviter.did),
    }
}

fn approve(seed: u8) -> Input {
    let Identity { did, key } = identity(seed);
    Input::Approve(Box::new(approval(did, key)))
}

fn requested() -> (Exchange, Message) {
    let invitee = Exchange::invitee(identus_terms());
    let transition = invitee.handle(&context("request-1"), approve(2)).unwrap();
    (transition.next, sent(&transition.effects))
}

fn verified(
    request: &Message,
    sender: &AuthenticatedSender,
) -> Result<VerifiedRequest, Misbehaved> {
    let read = Request::read(request)?;
    assert_eq!(read.presented()?, Presented::Resolvable);
    let document = resolve(&read.did);
    read.verify(&document, sender)
}

fn responded(request: &Message) -> (Exchange, Message) {
    let inviter = Exchange::inviter(identus_terms());
    let request = Input::Request(verified(request, &by(2)).unwrap());
    let inviter = inviter.handle(&context("unused"), request).unwrap().next;
    let transition = inviter.handle(&context("response-1"), approve(1)).unwrap();
    (transition.next, sent(&transition.effects))
}

fn check(
    invitee: &Exchange,
    message: &Message,
    sender: &AuthenticatedSender,
) -> Result<Input, Misbehaved> {
    let response = Response::read(message)?;
    assert_eq!(response.presented(invitee.terms(), sender)?, Presented::Resolvable);
    let document = resolve(&response.did);
    Ok(Input::Response(response.verify(invitee.terms(), &document, sender)?))
}

#[test]
fn two_machines_connect_and_nothing_confirms() {
    let (invitee, request) = requested();
    assert_eq!(Part::of(&request), Some(Part::Request));
    let value = request.to_value();
    assert_eq!(value["type"], "https://atalaprism.io/mercury/connections/1.0/request");
    assert_eq!((&value["thid"], &value["pthid"]), (&"invitation-1".into(), &"invitation-1".into()));
    assert_eq!(value["from"], identity(2).did.as_str());
    assert_eq!(value["to"][0], identity(1).did.as_str());
    assert_eq!(value["expires_time"].as_i64(), Some(1_700_001_000));
    assert_eq!(value["body"]["goal_code"], "p2p-messaging");
    assert!(value["body"]["accept"].is_array());

    let (inviter, response) = responded(&request);
    assert_eq!(
        (response.thread_id(), response.parent_thread_id()),
        ("invitation-1", Some("invitation-1"))
    );
    let done = check(&invitee, &response, &by(1)).unwrap();
    let done = invitee.handle(&context("unused"), done).unwrap();
    assert_eq!((done.passed, done.next.state()), (Some(State::Response), State::Done));
    assert!(matches!(done.effects.as_slice(), [Effect::Connect { .. }]), "nothing is sent");
    for input in [Input::Delivered, Input::PeerMessage] {
        let done = inviter.clone().handle(&context("unused"), input).unwrap();
        assert_eq!(done.next.state(), State::Done);
    }
}

#[test]
fn the_invitation_is_found_by_the_thread_or_the_id() {
    let (_, request) = requested();
    let mut bare = request.clone();
    (bare.thread.thid, bare.thread.pthid) = (None, None);
    bare.id = "Invitation-1".into();
    let read = Request::read(&bare).unwrap();
    assert_eq!(read.invitation_id.as_deref(), Some("invitation-1"), "ids compare without case");
    let mut parented = request;
    parented.thread.pthid = Some("another".into());
    assert_eq!(Request::read(&parented).unwrap().invitation_id.as_deref(), Some("invitation-1"));
}

#[test]
fn the_response_must_come_from_the_invitations_did() {
    let (invitee, request) = requested();
    let (_, response) = responded(&request);
    let foreign = response.clone().between(&identity(9).did, &identity(2).did);
    assert!(matches!(check(&invitee, &foreign, &by(9)), Err(Misbehaved::WrongInviter { .. })));
    assert!(matches!(
        check(&invitee, &response, &by(9)),
        Err(Misbehaved::SenderNotInDocument { .. })
    ));
}

#[test]
fn a_request_has_one_sender_whom_the_envelope_proves() {
    let (_, request) = requested();
    assert!(matches!(verified(&request, &by(9)), Err(Misbehaved::SenderNotInDocument { .. })));
    let mut nobody = request.clone();
    nobody.v2.as_mut().unwrap().from = None;
    assert!(matches!(verified(&nobody, &by(2)), Err(Misbehaved::Message(_))));
    let mut several = request;
    several.v2.as_mut().unwrap().to.push(identity(5).did);
    assert_eq!(verified(&several, &by(2)), Err(Misbehaved::SeveralRecipients(2)));
}

#[test]
fn a_refusal_is_a_report_under_the_thread() {
    let (invitee, _) = requested();
    let ended = invitee.handle(&context("report-1"), Input::Reject("no".into())).unwrap();
    let report = sent(&ended.effects);
    assert_eq!(
        report.message_type.to_string(),
        "https://didcomm.org/report-problem/2.0/problem-report"
    );
    assert_eq!(report.parent_thread_id(), Some("invitation-1"));
    assert_eq!(report.body["code"], "e.p.req.not-accepted");
    assert_eq!(report.to_dids(), [identity(1).did]);
    let read = problem::Report::of(&report);
    assert_eq!((read.explain.as_str(), read.warning), ("e.p.req.not-accepted: no", false));
}
