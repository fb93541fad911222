//! Rotation of DIDs (DIDComm v2, "DID Rotation").

use entente_rpc::proto::connection::v1::RotateDidRequest;
use entente_tests::Suite;
use entente_tests::peer::v2::{Connected, Identity, PING, PONG, Peer, endpoint};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

checks!(
    a_peer_that_rotates_is_followed,
    a_rotation_that_is_not_proved_is_refused,
    our_rotation_is_told_until_it_is_answered,
    rotations_that_cross_are_followed,
);

const EMPTY: &str = "https://didcomm.org/empty/1.0/empty";

/// A ping of another identity that says which DID it had.
fn ping_after(now: &Identity, from_prior: &str, agent: &Connected) -> Value {
    now.message(PING, &agent.did, json!({"from_prior": from_prior}))
}

async fn a_peer_that_rotates_is_followed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let new = Identity::at(&peer.listener.url);
    let ping = ping_after(&new, &peer.me.from_prior(&new.did), &agent);
    let mut told = ping.clone();
    told["return_route"] = json!("all");
    let answer = peer.post(&agent.url, new.pack(&told, &agent.did)).await;
    let (pong, _) = new.open(&answer.body).expect("an answer for the new DID");
    assert_eq!((&pong["type"], &pong["to"]), (&json!(PONG), &json!([new.did])));
    assert_eq!(suite.connection_with(&new.did).await.id, agent.id);
    // The old DID is a stranger's now, also when it says the same again.
    let old = peer.me.message(PING, &agent.did, json!({}));
    peer.refused(&agent, peer.me.pack(&old, &agent.did)).await;
    let back = ping_after(&peer.me, &new.from_prior(&peer.me.did), &agent);
    let mut back = back;
    back["from_prior"] = json!(peer.me.from_prior(&peer.me.did));
    peer.refused(&agent, peer.me.pack(&back, &agent.did)).await;
    assert_eq!(suite.connection_with(&new.did).await.id, agent.id);
}

async fn a_rotation_that_is_not_proved_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let thief = Identity::at(&peer.listener.url);
    let right = peer.me.from_prior(&thief.did);
    let (signed, signature) = right.rsplit_once('.').unwrap();
    let other_signature = thief.from_prior(&thief.did);
    let other_signature = other_signature.rsplit_once('.').unwrap().1;
    let forged = [
        // Signed by another, for another, by nobody, and none at all.
        format!("{signed}.{other_signature}"),
        peer.me.from_prior(&Identity::at("http://127.0.0.1:1").did),
        thief.from_prior(&thief.did),
        format!("{signed}."),
        signature.to_owned(),
        String::new(),
    ];
    for jwt in &forged {
        let ping = ping_after(&thief, jwt, &agent);
        peer.refused(&agent, thief.pack(&ping, &agent.did)).await;
    }
    peer.hears_nothing(&agent).await;
    assert_eq!(suite.connection_with(&peer.me.did).await.id, agent.id);
}

async fn our_rotation_is_told_until_it_is_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let request = RotateDidRequest { id: agent.id.clone() };
    suite.connections().rotate_did(request).await.unwrap();
    let told = peer.listener.next().await.message;
    assert_eq!(told["type"], EMPTY, "{told}");
    let new = told["from"].as_str().unwrap().to_owned();
    assert_ne!(new, agent.did);
    assert!(told["from_prior"].is_string(), "{told}");
    // Who has not heard of it writes to the old DID, and is answered by the new.
    let pong = peer.ask(&agent, &peer.me.message(PING, &agent.did, json!({}))).await.message;
    assert_eq!((&pong["from"], &pong["from_prior"]), (&told["from"], &told["from_prior"]));
    let rotated = Connected { url: endpoint(&new), did: new.clone(), ..agent.clone() };
    let pong = peer.ask(&rotated, &peer.me.message(PING, &new, json!({}))).await.message;
    assert_eq!((&pong["type"], pong.get("from_prior")), (&json!(PONG), None), "{pong}");
    eventually("the old DID is gone", async || {
        let ping =
            peer.me.message(PING, &agent.did, json!({"body": {"response_requested": false}}));
        let answer = peer.post(&agent.url, peer.me.pack(&ping, &agent.did)).await;
        (answer.status >= 400).then_some(())
    })
    .await;
    peer.hears_nothing(&rotated).await;
}

async fn rotations_that_cross_are_followed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let request = RotateDidRequest { id: agent.id.clone() };
    suite.connections().rotate_did(request).await.unwrap();
    let told = peer.listener.next().await.message;
    let ours = told["from"].as_str().unwrap();
    // The peer took a new DID before it heard of ours, and tells it to our old one.
    let new = Identity::at(&peer.listener.url);
    let mut ping = ping_after(&new, &peer.me.from_prior(&new.did), &agent);
    ping["return_route"] = json!("all");
    let answer = peer.post(&agent.url, new.pack(&ping, &agent.did)).await;
    let (pong, _) = new.open(&answer.body).expect("an answer for the new DID");
    assert_eq!((&pong["type"], &pong["from"]), (&json!(PONG), &json!(ours)));
    assert_eq!(pong["from_prior"], told["from_prior"], "it is told until it is answered");
    let connection = suite.connection_with(&new.did).await;
    assert_eq!((connection.id.as_str(), connection.my_did.as_str()), (agent.id.as_str(), ours));
    let mut ping = new.message(PING, ours, json!({}));
    ping["return_route"] = json!("all");
    let answer = peer.post(&endpoint(ours), new.pack(&ping, ours)).await;
    let (pong, _) = new.open(&answer.body).expect("an answer from the new DID");
    assert_eq!((&pong["type"], pong.get("from_prior")), (&json!(PONG), None), "{pong}");
}
