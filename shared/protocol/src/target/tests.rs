use serde_json::{Value, json};

use super::*;

const ED25519: &str = "z6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc";
const OTHER: &str = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
const X25519: &str = "z6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR";

fn document(services: Value) -> Document {
    let method =
        |id: &str, key: &str| json!({"id": id, "type": "Multikey", "publicKeyMultibase": key});
    let document = json!({
        "id": "did:web:peer.example",
        "verificationMethod": [
            method("#ed", ED25519), method("#other", OTHER), method("#x", X25519),
        ],
        "authentication": ["#ed", "#other"],
        "keyAgreement": ["#x"],
        "service": services,
    });
    Document::from_json(document.to_string()).unwrap()
}

/// Where messages go, one after the other.
fn endpoints(envelope: Envelope, services: Value) -> Vec<String> {
    let first = Target::of(envelope, &document(services)).unwrap();
    let all = std::iter::successors(Some(first), Target::next);
    all.map(|target| target.endpoint().to_owned()).collect()
}

fn v2(endpoint: Value) -> Value {
    json!({"id": "#a", "type": "DIDCommMessaging", "serviceEndpoint": endpoint})
}

fn v1(endpoint: &str, key: &str, priority: u32) -> Value {
    json!({"id": "#a", "type": "did-communication", "priority": priority,
           "recipientKeys": [key], "serviceEndpoint": endpoint})
}

#[test]
fn endpoints_of_a_service_come_before_those_of_the_next() {
    let services = json!([
        v2(json!([{"uri": "http://a"}, {"uri": "http://b"}])),
        v2(json!({"uri": "did:web:mediator.example"})),
        v1("http://v1", "#ed", 0),
    ]);
    let expected = ["http://a", "http://b", "did:web:mediator.example"];
    assert_eq!(endpoints(Envelope::V2, services), expected);
    assert_eq!(endpoints(Envelope::V2, json!([])), [""]);
}

#[test]
fn each_endpoint_keeps_its_mediators() {
    let services = json!([v2(json!([
        {"uri": "http://a", "routingKeys": ["did:web:m#1"]}, {"uri": "http://a"}, {"uri": "http://b"},
    ]))]);
    let mut target = Target::of(Envelope::V2, &document(services));
    let mut found = Vec::new();
    while let Ok(Target::V2 { endpoint, routing, .. }) = &target {
        found.push((endpoint.clone(), routing.len()));
        let Some(next) = target.unwrap().next() else { break };
        target = Ok(next);
    }
    assert_eq!(found, [("http://a".into(), 1), ("http://a".into(), 0), ("http://b".into(), 0)]);
}

#[test]
fn of_v1_the_lowest_priority_comes_first_and_other_keys_are_passed_over() {
    let services = json!([
        v1("http://third", "#ed", 9),
        v1("http://second", "#ed", 1),
        v1("http://first", "#ed", 0),
        v1("http://another", "#other", 0),
    ]);
    let expected = ["http://first", "http://second", "http://third"];
    assert_eq!(endpoints(Envelope::V1, services), expected);
}

#[test]
fn a_document_does_not_have_a_message_tried_everywhere() {
    let many: Vec<_> = (0..40).map(|at| json!({"uri": format!("http://{}", at / 2)})).collect();
    let expected = ["http://0", "http://1", "http://2", "http://3"];
    assert_eq!(endpoints(Envelope::V2, json!([v2(json!(many))])), expected);
}

#[test]
fn what_was_stored_with_one_endpoint_is_read_and_what_is_stored_reads_before_too() {
    let document = document(json!([v2(json!([{"uri": "http://a"}, {"uri": "http://b"}]))]));
    let target = Target::of(Envelope::V2, &document).unwrap();
    let stored = serde_json::to_value(&target).unwrap();
    assert_eq!(serde_json::from_value::<Target>(stored.clone()).unwrap(), target);
    // A version that knows of one endpoint passes over the others: the rest is as it was.
    assert_eq!(stored["others"], json!([{"endpoint": "http://b"}]));
    let mut before = stored;
    before.as_object_mut().unwrap().remove("others");
    let read: Target = serde_json::from_value(before).unwrap();
    assert_eq!((read.endpoint(), read.next()), ("http://a", None));
}
