//! Forwards to ourselves (DIDComm v2, "Routing Protocol 2.0": rewrapping).

use entente_rpc::proto::connection::v1::InvitationKind;
use entente_tests::Suite;
use entente_tests::peer::v2::{
    Connected, Identity, PING, PONG, Peer, RESPONSE, endpoint, forward, invite, pack_anonymous,
};
use serde_json::{Value, json};

checks!(
    a_forward_to_ourselves_is_unwrapped,
    forwards_within_a_forward_are_unwrapped,
    too_many_forwards_are_refused,
    a_forward_to_another_is_refused,
    a_forward_without_one_envelope_is_refused,
    an_expired_forward_is_refused,
    a_forward_is_not_acknowledged,
    a_forward_of_an_anonymous_message_proves_nobody,
    a_handshake_comes_by_forwards,
);

/// How many may lie around a message.
const MOST: usize = 3;

fn result(name: &str) -> String {
    format!("entente_gateway_inbound_messages_total{{result=\"{name}\"}}")
}

/// Wraps an envelope for an agent, as often as that.
fn wrap(envelope: Vec<u8>, to: &str, times: usize, in_base64: bool) -> Vec<u8> {
    (0..times).fold(envelope, |envelope, _| pack_anonymous(&forward(to, &envelope, in_base64), to))
}

/// Checks that what a peer sends is answered.
async fn is_answered(peer: &Peer, agent: &Connected, wrapped: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let ping = peer.me.message(PING, &agent.did, json!({}));
    let envelope = wrapped(peer.me.pack(&ping, &agent.did));
    assert_eq!(peer.post(&agent.url, envelope).await.status, 202);
    let pong = peer.listener.next().await.message;
    assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &ping["id"]), "{pong}");
}

async fn a_forward_to_ourselves_is_unwrapped(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for next in [agent.did.clone(), format!("{}#key-1", agent.did)] {
        for in_base64 in [false, true] {
            let wrapped = |envelope: Vec<u8>| {
                pack_anonymous(&forward(&next, &envelope, in_base64), &agent.did)
            };
            is_answered(&peer, &agent, wrapped).await;
        }
    }
    // Whoever forwards may also say who it is, and may be nobody that we know.
    let mediator = Identity::at("http://127.0.0.1:1");
    let wrapped = |envelope: Vec<u8>| {
        let mut outer = forward(&agent.did, &envelope, false);
        outer["from"] = json!(mediator.did);
        outer["to"] = json!([agent.did]);
        mediator.pack(&outer, &agent.did)
    };
    is_answered(&peer, &agent, wrapped).await;
}

async fn forwards_within_a_forward_are_unwrapped(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for in_base64 in [false, true] {
        is_answered(&peer, &agent, |envelope| wrap(envelope, &agent.did, MOST, in_base64)).await;
    }
}

async fn too_many_forwards_are_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let before = suite.metric(&result("too_many_forwards")).await;
    let ping = peer.me.message(PING, &agent.did, json!({}));
    let envelope = wrap(peer.me.pack(&ping, &agent.did), &agent.did, MOST + 1, false);
    let answer = peer.refused(&agent, envelope).await;
    assert_eq!(suite.metric(&result("too_many_forwards")).await, before + 1.0);
    assert_eq!(answer.body, stranger_is_told(&peer, &agent).await);
    peer.hears_nothing(&agent).await;
}

/// What is answered to an envelope that is not for the agent at all.
async fn stranger_is_told(peer: &Peer, agent: &Connected) -> Vec<u8> {
    let stranger = Identity::at("http://127.0.0.1:1");
    let ping = peer.me.message(PING, &stranger.did, json!({}));
    peer.refused(agent, peer.me.pack(&ping, &stranger.did)).await.body
}

async fn a_forward_to_another_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let told = stranger_is_told(&peer, &agent).await;
    let stranger = Identity::at("http://127.0.0.1:1");
    let for_us = peer.me.pack(&peer.me.message(PING, &agent.did, json!({})), &agent.did);
    let for_another = peer.me.pack(&peer.me.message(PING, &stranger.did, json!({})), &stranger.did);
    let key_that_is_not_there = format!("{}#key-9", agent.did);
    for (next, envelope) in [
        (stranger.did.as_str(), &for_another),
        (agent.did.as_str(), &for_another),
        (stranger.did.as_str(), &for_us),
        (key_that_is_not_there.as_str(), &for_us),
        ("nobody", &for_us),
        ("", &for_us),
    ] {
        let outer = pack_anonymous(&forward(next, envelope, false), &agent.did);
        assert_eq!(peer.refused(&agent, outer).await.body, told, "{next}");
    }
    peer.hears_nothing(&agent).await;
}

async fn a_forward_without_one_envelope_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let told = stranger_is_told(&peer, &agent).await;
    let before = suite.metric(&result("wrong_forward")).await;
    let ping = peer.me.message(PING, &agent.did, json!({}));
    let envelope = peer.me.pack(&ping, &agent.did);
    let right = forward(&agent.did, &envelope, false);
    let attachment = &right["attachments"][0];
    let attached = [
        json!([]),
        json!([attachment, attachment]),
        json!([{"id": "1", "data": {"json": ping}}]),
        json!([{"id": "1", "data": {"json": {}}}]),
        json!([{"id": "1", "data": {"json": "text"}}]),
        json!([{"id": "1", "data": {"base64": "????"}}]),
        json!([{"id": "1", "data": {"links": ["http://127.0.0.1:1"], "hash": "x"}}]),
        Value::Null,
    ];
    for attachments in &attached {
        let mut outer = right.clone();
        outer["attachments"] = attachments.clone();
        let answer = peer.refused(&agent, pack_anonymous(&outer, &agent.did)).await;
        assert_eq!(answer.body, told, "{attachments}");
    }
    let mut without_next = right.clone();
    without_next["body"] = json!({});
    peer.refused(&agent, pack_anonymous(&without_next, &agent.did)).await;
    let broken = suite.metric(&result("wrong_forward")).await - before;
    assert_eq!(broken, attached.len() as f64 + 1.0);
    peer.hears_nothing(&agent).await;
}

async fn an_expired_forward_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let expiring = |at: i64| {
        let agent = &agent;
        move |envelope: Vec<u8>| {
            let mut outer = forward(&agent.did, &envelope, false);
            outer["expires_time"] = json!(at);
            pack_anonymous(&outer, &agent.did)
        }
    };
    let ping = peer.me.message(PING, &agent.did, json!({}));
    peer.refused(&agent, expiring(1_600_000_000)(peer.me.pack(&ping, &agent.did))).await;
    peer.hears_nothing(&agent).await;
    is_answered(&peer, &agent, expiring(4_000_000_000)).await;
}

async fn a_forward_is_not_acknowledged(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let wrapped = |envelope: Vec<u8>| {
        let mut outer = forward(&agent.did, &envelope, false);
        outer["please_ack"] = json!([""]);
        outer["from"] = json!(peer.me.did);
        outer["to"] = json!([agent.did]);
        peer.me.pack(&outer, &agent.did)
    };
    is_answered(&peer, &agent, wrapped).await;
    peer.hears_nothing(&agent).await;
}

async fn a_forward_of_an_anonymous_message_proves_nobody(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = peer.me.message(PING, &agent.did, json!({}));
    // The forward is the peer's, and the ping within is anybody's.
    let mut outer = forward(&agent.did, &pack_anonymous(&ping, &agent.did), false);
    outer["from"] = json!(peer.me.did);
    outer["to"] = json!([agent.did]);
    peer.refused(&agent, peer.me.pack(&outer, &agent.did)).await;
    peer.hears_nothing(&agent).await;
}

async fn a_handshake_comes_by_forwards(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    let did = &invitation.did;
    let request = peer.me.request(&invitation);
    let envelope = wrap(peer.me.pack(&request, did), did, 1, true);
    assert_eq!(peer.post(&endpoint(did), envelope).await.status, 202);
    let response = peer.listener.next().await.message;
    assert_eq!((&response["type"], &response["thid"]), (&json!(RESPONSE), &request["thid"]));
    let agent = peer.joined(suite, &invitation).await;
    is_answered(&peer, &agent, |envelope| wrap(envelope, did, 2, false)).await;
}
