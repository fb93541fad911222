//! Mediators of DIDComm v2: the first of the route is the outermost, and a mediator may be an endpoint's DID.

use entente_did::KeyType;
use entente_did::{Did, create};
use entente_didcomm::envelope::Envelope;
use entente_didcomm::envelope::v2::Keys;
use entente_didcomm::forward::Forward;
use entente_didcomm::message::Message;
use entente_didcomm::primitives::{AgreementKey, AgreementSecret, Ed25519Secret};
use entente_rpc::ErrorReason;
use entente_rpc::proto::transport::v1::DeliverRequest;

use crate::support::{ENVELOPE, Transport, inbox, local, to};

fn secret(seed: u8) -> AgreementSecret {
    AgreementSecret::from_bytes(KeyType::X25519, &[seed; 32]).unwrap()
}

fn did(seed: u8, endpoint: &str) -> Did {
    let signing = Ed25519Secret::from_seed([seed; 32]).public();
    create::v2_peer2(&secret(seed).public(), &signing, endpoint, &[]).unwrap()
}

/// Opens a layer, which must be anonymous; gives `next` and what is within.
fn unwrap(packed: &[u8], mediator: &Did, seed: u8) -> (String, Vec<u8>) {
    let Envelope::V2(envelope) = Envelope::peek(packed).unwrap() else { panic!("a v2 envelope") };
    assert_eq!(envelope.sender_kid(), None);
    let (kid, key) = (format!("{mediator}#key-1"), secret(seed));
    let recipients: [(&str, &dyn AgreementKey); 1] = [(&kid, &key)];
    let opened = envelope.open(&Keys { recipients: &recipients, ..Default::default() }).unwrap();
    let forward = Forward::from_message(&Message::parse(&opened.plaintext).unwrap()).unwrap();
    (forward.to, forward.envelope)
}

fn routed(recipient: &Did, endpoint: &str, routing: &[String]) -> DeliverRequest {
    DeliverRequest {
        recipient_did: recipient.to_string(),
        routing_keys: routing.to_vec(),
        ..to(endpoint)
    }
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

#[tokio::test]
async fn an_envelope_goes_as_it_is_where_there_is_no_mediator() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    transport.send(routed(&did(1, &url), &url, &[]), None).await.unwrap();
    let received = received.lock().unwrap();
    assert_eq!(received[0].0["content-type"], "application/didcomm-encrypted+json");
    assert_eq!(received[0].1, ENVELOPE);
}

#[tokio::test]
async fn wraps_for_each_mediator_the_first_outermost() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    let (recipient, near, far) = (did(1, &url), did(2, &url), did(3, &url));
    // A key of a DID, and a DID.
    let routing = [format!("{far}#key-1"), near.to_string()];
    transport.send(routed(&recipient, &url, &routing), None).await.unwrap();
    let received = received.lock().unwrap();
    let (next, within) = unwrap(&received[0].1, &far, 3);
    assert_eq!(next, near.as_str());
    let (next, within) = unwrap(&within, &near, 2);
    assert_eq!(next, recipient.as_str());
    assert_eq!(json(&within), json(ENVELOPE));
}

#[tokio::test]
async fn an_endpoint_that_is_a_did_is_the_outermost_mediator() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    let (mediator, near) = (did(3, &url), did(2, &url));
    let recipient = did(1, mediator.as_str());
    transport.send(routed(&recipient, mediator.as_str(), &[near.to_string()]), None).await.unwrap();
    let received = received.lock().unwrap();
    let (next, within) = unwrap(&received[0].1, &mediator, 3);
    assert_eq!(next, near.as_str());
    assert_eq!(unwrap(&within, &near, 2).0, recipient.as_str());
}

#[tokio::test]
async fn routes_that_lead_nowhere_are_refused() {
    let transport = Transport::start(local()).await;
    let recipient = did(1, "http://agent.example");
    let nested = did(2, recipient.as_str());
    for (endpoint, routing, reason) in [
        (nested.as_str(), vec![], ErrorReason::EndpointRefused),
        ("http://127.0.0.1:1", vec![format!("{recipient}#key-9")], ErrorReason::EndpointRefused),
        ("http://127.0.0.1:1", vec!["key".to_owned()], ErrorReason::InvalidField),
        ("http://127.0.0.1:1", vec![recipient.to_string(); 9], ErrorReason::InvalidField),
    ] {
        let failure =
            transport.send(routed(&recipient, endpoint, &routing), None).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{endpoint} {routing:?}: {failure}");
    }
    let failure = transport
        .send(DeliverRequest { recipient_did: "did".into(), ..to("http://127.0.0.1:1") }, None)
        .await
        .unwrap_err();
    assert_eq!(failure.reason, ErrorReason::InvalidField);
}
