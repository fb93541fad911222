//! connections/1.0 (RFC 0160), in both roles.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use entente_did::PublicKey;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DidMethod, Exchange, ExchangeState,
    HandshakeProtocol, Invitation, InvitationFormat, InvitationKind, ReuseOutcome, ReuseReason,
};
use entente_tests::peer::{
    Connected, Key, connection, connection_request, connection_response, kind, message, thread,
};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    an_invitation_has_its_own_url_and_raw_keys,
    urls_are_read_padded_and_unpadded_and_with_the_old_prefix,
    an_inviter_goes_from_request_to_response_to_done,
    an_invitee_asks_with_a_document_and_pings,
    any_message_of_the_invitee_completes,
    a_message_of_another_completes_nothing,
    old_documents_are_read,
    a_request_need_not_name_its_invitation,
    a_single_use_invitation_is_used_once,
    a_multi_use_invitation_makes_connections_of_their_own,
    an_invitation_by_did_works_in_both_roles,
    an_out_of_band_invitation_may_offer_it,
    a_known_did_is_reused_as_in_out_of_band,
    a_key_is_never_reused,
);

async fn until(suite: &Suite, invitation_id: &str, state: ExchangeState) -> Exchange {
    eventually(&format!("the exchange is {state:?}"), async || {
        Some(suite.exchange_of(invitation_id).await).filter(|found| found.state() == state)
    })
    .await
}

async fn invite(suite: &Suite, kind: InvitationKind) -> Invitation {
    let format = InvitationFormat::Connections1.into();
    let request = CreateInvitationRequest { format, kind: kind.into(), ..Default::default() };
    suite.invite_with(request).await
}

fn encode(invitation: &Value, padded: bool) -> String {
    let engine = if padded { URL_SAFE } else { URL_SAFE_NO_PAD };
    format!("http://peer.example/path?a=b&c_i={}", engine.encode(invitation.to_string()))
}

async fn an_invitation_has_its_own_url_and_raw_keys(suite: &Suite) {
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    assert_eq!(invitation.format(), InvitationFormat::Connections1);
    assert_eq!(invitation.handshake_protocols, [i32::from(HandshakeProtocol::Connections10)]);
    let written: Value = serde_json::from_str(&invitation.message_json).unwrap();
    assert_eq!(kind(&written), "connections/1.0/invitation");
    let key = PublicKey::from_multibase(&invitation.key).unwrap();
    assert_eq!(written["recipientKeys"], json!([key.base58()]));
    assert_eq!(written["serviceEndpoint"], suite.didcomm_url.as_str());
    let (_, encoded) = invitation.url.split_once("?c_i=").expect("c_i in the URL");
    let decoded = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), written);
}

async fn urls_are_read_padded_and_unpadded_and_with_the_old_prefix(suite: &Suite) {
    for padded in [true, false] {
        for prefix in ["https://didcomm.org/", "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/"] {
            let peer = Peer::start().await;
            let mut invitation = peer.connections_invitation();
            invitation["@type"] = format!("{prefix}connections/1.0/invitation").into();
            // So that there is something to pad.
            while invitation.to_string().len() % 3 != 1 {
                invitation["label"] = format!("{}.", invitation["label"].as_str().unwrap()).into();
            }
            let invitation = encode(&invitation, padded);
            assert_eq!(invitation.ends_with('='), padded);
            let request = AcceptInvitationRequest { invitation, ..Default::default() };
            suite.accept_with(request).await.unwrap();
            assert_eq!(kind(&peer.listener.next().await.message), "connections/1.0/request");
        }
    }
}

async fn an_inviter_goes_from_request_to_response_to_done(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Invitation);
    let agent = peer.ask_connection(&invitation).await;
    let waiting = suite.exchange_of(&invitation.id).await;
    assert_eq!(waiting.state(), ExchangeState::Response, "nothing confirmed it yet");
    assert_eq!(waiting.protocol(), HandshakeProtocol::Connections10);
    let ping = message("trust_ping/1.0/ping", json!({}));
    let pong = peer.ask(&agent, &ping).await.message;
    assert_eq!(thread(&pong), ping["@id"]);
    let done = until(suite, &invitation.id, ExchangeState::Done).await;
    assert_eq!((&*done.their_label, &*done.my_did), ("Peer", &*agent.did));
    assert_eq!(done.their_did, peer.connection()["DID"].as_str().unwrap());
}

async fn an_invitee_asks_with_a_document_and_pings(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &invitation).await;
    assert_eq!(request["~thread"]["pthid"], invitation["@id"]);
    assert_eq!(agent.url, suite.didcomm_url);
    let answer = connection_response(&request, &peer.connection(), &peer.key);
    let ping = peer.ask(&agent, &answer).await.message;
    assert_eq!(kind(&ping), "trust_ping/1.0/ping", "{ping}");
    assert_eq!(ping["response_requested"], false);
    until(suite, invitation["@id"].as_str().unwrap(), ExchangeState::Done).await;
    peer.hears_nothing(&agent).await;
}

async fn any_message_of_the_invitee_completes(suite: &Suite) {
    for (kind, fields) in [
        ("notification/1.0/ack", json!({"status": "OK"})),
        ("trust_ping/1.0/ping", json!({"response_requested": false})),
        (
            "basicmessage/1.0/message",
            json!({"content": "hello", "sent_time": "2026-11-21T10:00:00Z"}),
        ),
        ("example/1.0/unknown-here", json!({})),
    ] {
        let peer = Peer::start().await;
        let invitation = invite(suite, InvitationKind::SingleUse).await;
        let agent = peer.ask_connection(&invitation).await;
        let mut first = message(kind, fields);
        first["~thread"] = json!({"thid": agent.thread_id});
        peer.send(&agent, &first).await;
        assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Done, "{kind}");
    }
}

async fn a_message_of_another_completes_nothing(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    let agent = peer.ask_connection(&invitation).await;
    let ack = message(
        "notification/1.0/ack",
        json!({"status": "OK", "~thread": {"thid": agent.thread_id}}),
    );
    other.post_envelope(&agent.url, other.key.pack(&ack, &agent.key)).await;
    let anonymous = entente_tests::peer::pack_anonymous(&ack, &agent.key);
    peer.post_envelope(&agent.url, anonymous).await;
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Response);
}

/// The shapes of documents that old agents write (RFC 0160, its examples).
async fn old_documents_are_read(suite: &Suite) {
    let legacy = |peer: &Peer| peer.connection();
    let sample = |peer: &Peer| {
        // As the RFC has it: ids without the DID, keys raw in the service.
        let (did, key) = (peer.connection()["DID"].clone(), peer.key.public.base58());
        json!({"DID": did, "DIDDoc": {
            "@context": "https://w3id.org/did/v1",
            "id": did,
            "publicKey": [{
                "id": "keys-1", "type": "Ed25519VerificationKey2018", "controller": did,
                "publicKeyBase58": key,
            }],
            "authentication": [{"type": "Ed25519SignatureAuthentication2018", "publicKey": "keys-1"}],
            "service": [{
                "id": format!("{};indy", did.as_str().unwrap()), "type": "IndyAgent",
                "recipientKeys": [key], "serviceEndpoint": peer.listener.url,
            }],
        }})
    };
    let qualified = |peer: &Peer| {
        let mut connection = peer.connection();
        connection["DID"] = format!("did:sov:{}", connection["DID"].as_str().unwrap()).into();
        connection
    };
    let peer2 = |peer: &Peer| json!({"DID": peer.did});
    type Shape = fn(&Peer) -> Value;
    for (name, shape) in [
        ("legacy", legacy as Shape),
        ("the sample of the RFC", sample),
        ("did:sov", qualified),
        ("did:peer:2 without a document", peer2),
    ] {
        let peer = Peer::start().await;
        let invitation = invite(suite, InvitationKind::SingleUse).await;
        let request = connection_request(&invitation.id, &shape(&peer));
        peer.request(&invitation, &request).await;
        let response = peer.listener.next().await.message;
        assert_eq!(kind(&response), "connections/1.0/response", "{name}: {response}");
        assert_eq!(thread(&response), request["@id"], "{name}");
    }
}

async fn a_request_need_not_name_its_invitation(suite: &Suite) {
    for kind in [InvitationKind::SingleUse, InvitationKind::MultiUse] {
        let peer = Peer::start().await;
        let invitation = invite(suite, kind).await;
        let request = connection_request("", &peer.connection());
        peer.request(&invitation, &request).await;
        let response = peer.listener.next().await.message;
        let agent = entente_tests::peer::connected(&invitation, &response);
        assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Response);
        assert_eq!(agent.thread_id, request["@id"]);
    }
}

async fn a_single_use_invitation_is_used_once(suite: &Suite) {
    let (first, second) = (Peer::start().await, Peer::start().await);
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    first.join_connection(suite, &invitation).await;
    for id in [invitation.id.as_str(), ""] {
        let request = connection_request(id, &second.connection());
        second.request(&invitation, &request).await;
        let report = second.listener.next().await.message;
        assert_eq!(kind(&report), "connections/1.0/problem_report", "{report}");
        assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
        assert!(report["explain"].as_str().unwrap().contains("used"), "{report}");
        assert_eq!(report["~thread"]["thid"], request["@id"], "{report}");
    }
    until(suite, &invitation.id, ExchangeState::Done).await;
}

async fn a_multi_use_invitation_makes_connections_of_their_own(suite: &Suite) {
    let invitation = invite(suite, InvitationKind::MultiUse).await;
    let mut dids = Vec::new();
    for _ in 0..3 {
        let peer = Peer::start().await;
        dids.push(peer.join_connection(suite, &invitation).await.did);
    }
    dids.sort();
    dids.dedup();
    assert_eq!(dids.len(), 3, "each connection has a DID of its own");
}

async fn an_invitation_by_did_works_in_both_roles(suite: &Suite) {
    // As the inviter.
    let request = CreateInvitationRequest {
        format: InvitationFormat::Connections1.into(),
        did_method: DidMethod::Peer2.into(),
        create_unique_did: true,
        ..Default::default()
    };
    let invitation = suite.invite_with(request).await;
    let written: Value = serde_json::from_str(&invitation.message_json).unwrap();
    assert!(written["did"].as_str().unwrap().starts_with("did:peer:2"), "{written}");
    assert!(written.get("recipientKeys").is_none(), "{written}");
    Peer::start().await.join_connection(suite, &invitation).await;
    // As the invitee.
    let peer = Peer::start().await;
    let by_did =
        |peer: &Peer| message("connections/1.0/invitation", json!({"label": "P", "did": peer.did}));
    let invitation = by_did(&peer);
    let (request, agent) = peer.requested(suite, &invitation).await;
    let other = Key::random();
    let forged = connection_response(&request, &peer.connection(), &other);
    let report = peer.ask(&agent, &forged).await.message;
    assert_eq!(report["problem-code"], "response_not_accepted", "{report}");
    peer.ask(&agent, &connection_response(&request, &peer.connection(), &peer.key)).await;
    until(suite, invitation["@id"].as_str().unwrap(), ExchangeState::Done).await;
    // Its DID is known then.
    let again = suite.receive(&by_did(&peer)).await;
    let decision = again.decision.unwrap();
    assert_eq!(decision.outcome(), ReuseOutcome::Reused);
    assert_eq!(decision.reason(), ReuseReason::KnownDid);
    peer.hears_nothing(&agent).await;
}

async fn an_out_of_band_invitation_may_offer_it(suite: &Suite) {
    for did_method in [DidMethod::InlineKey, DidMethod::Peer2] {
        let peer = Peer::start().await;
        let request = CreateInvitationRequest {
            handshake_protocols: vec![HandshakeProtocol::Connections10.into()],
            did_method: did_method.into(),
            ..Default::default()
        };
        let invitation = suite.invite_with(request).await;
        assert_eq!(invitation.format(), InvitationFormat::OutOfBand1);
        let written: Value = serde_json::from_str(&invitation.message_json).unwrap();
        assert_eq!(written["handshake_protocols"], json!(["https://didcomm.org/connections/1.0"]));
        peer.join_connection(suite, &invitation).await;
        // A handshake that was not offered is refused.
        let unwanted = suite.invite().await;
        peer.request(&unwanted, &connection_request(&unwanted.id, &peer.connection())).await;
        let report = peer.listener.next().await.message;
        assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
    }
}

/// Answers as an inviter whose out-of-band invitation offers connections/1.0.
async fn invited(suite: &Suite, peer: &Peer) -> (Value, Connected) {
    let offer = json!({"handshake_protocols": ["https://didcomm.org/connections/1.0"]});
    let invitation = peer.invitation(offer);
    let (request, agent) = peer.requested(suite, &invitation).await;
    let answer = connection_response(&request, &peer.connection(), &peer.key);
    let ping = peer.ask(&agent, &answer).await.message;
    assert_eq!(kind(&ping), "trust_ping/1.0/ping", "{ping}");
    (invitation, agent)
}

async fn a_known_did_is_reused_as_in_out_of_band(suite: &Suite) {
    let peer = Peer::start().await;
    let (mut invitation, agent) = invited(suite, &peer).await;
    invitation["@id"] = uuid::Uuid::new_v4().to_string().into();
    suite.receive(&invitation).await;
    let reuse = peer.listener.next().await.message;
    assert_eq!(kind(&reuse), "out-of-band/1.1/handshake-reuse", "{reuse}");
    assert_eq!(reuse["~thread"]["pthid"], invitation["@id"]);
    let accepted =
        message("out-of-band/1.1/handshake-reuse-accepted", json!({"~thread": reuse["~thread"]}));
    peer.send(&agent, &accepted).await;
    peer.hears_nothing(&agent).await;
}

async fn a_key_is_never_reused(suite: &Suite) {
    let peer = Peer::start().await;
    let first = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &first).await;
    peer.ask(&agent, &connection_response(&request, &peer.connection(), &peer.key)).await;
    let (_, second) = peer.requested(suite, &peer.connections_invitation()).await;
    assert_ne!(second.key, agent.key);
    let other = connection(&Key::random(), &peer.listener.url);
    assert_ne!(other["DID"], peer.connection()["DID"]);
}
