//! Mediators: each layer opens with its key, and a mediator may be named by its DID.

use entente_did::{PublicKey, create};
use entente_didcomm::envelope::Envelope;
use entente_didcomm::forward::Forward;
use entente_didcomm::message::Message;
use entente_didcomm::primitives::Ed25519Secret;
use entente_rpc::ErrorReason;
use entente_rpc::proto::transport::v1::DeliverRequest;

use crate::support::{ENVELOPE, Transport, inbox, local, to};

fn secret(seed: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([seed; 32])
}

fn unwrap(packed: &[u8], mediator: u8) -> Forward {
    let Envelope::V1(envelope) = Envelope::peek(packed).unwrap() else { panic!("a v1 envelope") };
    let opened = envelope.open(&secret(mediator).public(), &secret(mediator)).unwrap();
    Forward::from_message(&Message::parse(&opened.plaintext).unwrap()).unwrap()
}

fn routed(endpoint: &str, routing_keys: &[PublicKey]) -> DeliverRequest {
    DeliverRequest {
        recipient_key: secret(1).public().multibase(),
        routing_keys: routing_keys.iter().map(PublicKey::multibase).collect(),
        ..to(endpoint)
    }
}

#[tokio::test]
async fn wraps_for_each_mediator_the_last_outermost() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    transport.send(routed(&url, &[secret(2).public(), secret(3).public()]), None).await.unwrap();
    let received = received.lock().unwrap();
    let outer = unwrap(&received[0].1, 3);
    assert_eq!(outer.key().unwrap(), secret(2).public());
    let inner = unwrap(&outer.envelope, 2);
    assert_eq!(inner.key().unwrap(), secret(1).public());
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    assert_eq!(json(&inner.envelope), json(ENVELOPE));
}

#[tokio::test]
async fn the_key_of_a_mediators_did_joins_the_route() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    let mediator = create::v1_peer2(&secret(3).public(), &url, &[]).unwrap();
    for routing_keys in [&[][..], &[secret(2).public()]] {
        transport.send(routed(mediator.as_str(), routing_keys), None).await.unwrap();
        let (_, body) = received.lock().unwrap().pop().unwrap();
        let outer = unwrap(&body, 3);
        let expected = if routing_keys.is_empty() { secret(1) } else { secret(2) };
        assert_eq!(outer.key().unwrap(), expected.public());
    }
}

#[tokio::test]
async fn dids_without_a_url_are_refused_and_the_resolvers_reasons_go_on() {
    let transport = Transport::start(local()).await;
    let key = secret(3).public();
    let unseen = create::v1_peer4(&key, "http://agent.example", &[]).unwrap().short;
    let nested = create::v1_peer2(&key, &key.did_key(), &[]).unwrap();
    for (did, reason) in [
        (key.did_key(), ErrorReason::EndpointRefused),
        (nested.to_string(), ErrorReason::EndpointRefused),
        (unseen.to_string(), ErrorReason::DidNotFound),
        ("did:sov:EMmo7oSqQk1twmgLDRNjzC".to_owned(), ErrorReason::MethodNotSupported),
    ] {
        let failure = transport.send(routed(&did, &[]), None).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{did}: {failure}");
    }
}
