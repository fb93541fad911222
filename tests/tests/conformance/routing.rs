//! Messages to peers behind mediators (RFC 0094, 0160).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_did::peer2::{self, Purpose};
use entente_tests::peer::{Key, kind, open};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_message_is_wrapped_for_each_mediator_the_last_outermost,
    an_endpoint_that_is_a_did_is_its_mediators,
    the_next_service_is_tried_where_one_fails,
);

/// An invitation of a peer that is reached by others.
fn invitation(peer: &Peer, routing: &[&Key], endpoint: &str) -> Value {
    let routing: Vec<_> = routing.iter().map(|key| key.public.did_key()).collect();
    peer.invitation(json!({"services": [{
        "id": "#inline",
        "type": "did-communication",
        "recipientKeys": [peer.key.public.did_key()],
        "routingKeys": routing,
        "serviceEndpoint": endpoint,
    }]}))
}

/// What is in a forward to a key.
fn forwarded(forward: &Value, to: &Key) -> Vec<u8> {
    assert_eq!(kind(forward), "routing/1.0/forward", "{forward}");
    let next = forward["to"].as_str().unwrap();
    assert!([to.public.base58(), to.public.did_key()].contains(&next.to_owned()), "{next}");
    forward["msg"].to_string().into_bytes()
}

fn is_request(peer: &Peer, envelope: &[u8]) {
    let (message, sender) = peer.open(envelope);
    assert_eq!(kind(&message), "didexchange/1.1/request");
    assert!(sender.is_some(), "the message itself is authcrypted");
}

async fn a_message_is_wrapped_for_each_mediator_the_last_outermost(suite: &Suite) {
    let (peer, outer, inner) = (Peer::start().await, Peer::start().await, Key::random());
    let invitation = invitation(&peer, &[&inner, &outer.key], &outer.listener.url);
    suite.receive(&invitation).await;
    let received = outer.listener.next().await;
    assert_eq!(received.sender, None, "forwards are anonymous");
    let (next, sender) =
        open(&forwarded(&received.message, &inner), &inner).expect("for the inner");
    assert_eq!(sender, None);
    is_request(&peer, &forwarded(&next, &peer.key));
}

async fn an_endpoint_that_is_a_did_is_its_mediators(suite: &Suite) {
    let (peer, mediator) = (Peer::start().await, Peer::start().await);
    suite.receive(&invitation(&peer, &[], &mediator.did)).await;
    let received = mediator.listener.next().await;
    assert_eq!(received.sender, None);
    is_request(&peer, &forwarded(&received.message, &peer.key));
}

async fn the_next_service_is_tried_where_one_fails(suite: &Suite) {
    let peer = Peer::start().await;
    let service = |id: &str, priority: u32, endpoint: &str| {
        json!({"id": id, "type": "did-communication", "priority": priority, "r": [],
               "recipientKeys": ["#key-1"], "s": endpoint})
    };
    let keys = [(Purpose::Authentication, peer.key.public)];
    let mut did = peer2::encode(&keys, &[]).unwrap().to_string();
    for service in
        [service("#last", 1, &peer.listener.url), service("#first", 0, "http://127.0.0.1:1")]
    {
        did = format!("{did}.S{}", URL_SAFE_NO_PAD.encode(service.to_string()));
    }
    suite.receive(&peer.invitation(json!({"services": [did]}))).await;
    let request = peer.listener.next().await.message;
    assert_eq!(kind(&request), "didexchange/1.1/request");
}
