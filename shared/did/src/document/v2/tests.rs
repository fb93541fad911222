use serde_json::{Value, json};

use super::*;

const ED25519: &str = "z6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc";
const X25519: &str = "z6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR";
const P256: &str = "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv";

fn key(multibase: &str) -> PublicKey {
    PublicKey::from_multibase(multibase).unwrap()
}

fn read(value: Value) -> Document {
    Document::from_json(value.to_string()).unwrap()
}

fn method(id: &str, key: &str) -> Value {
    json!({"id": id, "type": "Multikey", "publicKeyMultibase": key})
}

#[test]
fn gives_the_keys_of_a_relationship_with_absolute_ids() {
    let document = read(json!({
        "id": "did:web:a",
        "verificationMethod": [
            method("#x", X25519), method("did:web:a#ed", ED25519), method("p", P256),
            method("did:web:other#x", X25519), {"id": "#unreadable", "type": "Odd"},
        ],
        "keyAgreement": [
            "did:web:a#x", "#p", "#x", "#gone", "#unreadable", "did:web:b#x", "did:web:other#x",
            method("#own", X25519),
        ],
        "authentication": ["#ed"],
    }));
    assert_eq!(
        document.agreement_keys(),
        [
            ("did:web:a#x".to_owned(), key(X25519)),
            ("did:web:a#p".to_owned(), key(P256)),
            ("did:web:other#x".to_owned(), key(X25519)),
            ("did:web:a#own".to_owned(), key(X25519)),
        ]
    );
    assert_eq!(document.authentication_keys(), [("did:web:a#ed".to_owned(), key(ED25519))]);
}

#[test]
fn a_key_counts_only_for_what_it_is_meant() {
    let document = read(json!({
        "id": "did:web:a",
        "verificationMethod": [method("#1", X25519), method("#2", ED25519), method("#3", P256)],
        "keyAgreement": ["#1"], "authentication": ["#2"], "assertionMethod": ["#3"],
    }));
    for kid in ["did:web:a#1", "#1", "1"] {
        assert_eq!(document.agreement_key(kid), Some(key(X25519)));
        assert_eq!(document.authentication_key(kid), None);
    }
    assert_eq!(document.authentication_key("did:web:a#2"), Some(key(ED25519)));
    for kid in ["did:web:a#2", "did:web:a#3", "did:web:a#4", "did:web:b#1", "did:web:a", "", "#"] {
        assert_eq!(document.agreement_key(kid), None, "{kid}");
    }
}

#[test]
fn gives_the_endpoints_in_order() {
    let document = read(json!({
        "id": "did:web:a",
        "service": [
            {"id": "#1", "type": "did-communication", "serviceEndpoint": "http://v1", "recipientKeys": []},
            {"id": "#2", "type": "DIDCommMessaging", "serviceEndpoint": [
                {"uri": "https://one", "accept": ["didcomm/v2"], "routingKeys": ["did:web:m#k"]},
                {"uri": "did:web:mediator"}, {"uri": ""}, "wss://two",
            ]},
            {"id": "#3", "type": ["DIDCommMessaging"], "serviceEndpoint": {"uri": "https://three"}},
            {"id": "#4", "type": "DIDCommMessaging", "serviceEndpoint": "https://four", "routingKeys": ["did:web:n#k"]},
            {"id": "#5", "type": "DIDCommMessaging", "serviceEndpoint": []},
        ],
    }));
    let found: Vec<_> = document.v2_services().map(|endpoint| endpoint.uri.as_str()).collect();
    assert_eq!(
        found,
        ["https://one", "did:web:mediator", "wss://two", "https://three", "https://four"]
    );
    let routing: Vec<_> =
        document.v2_services().map(|endpoint| endpoint.routing_keys.len()).collect();
    assert_eq!(routing, [1, 0, 0, 0, 1]);
    let mediators: Vec<_> = document.v2_services().filter_map(V2Endpoint::mediator).collect();
    assert_eq!(mediators, [Did::parse("did:web:mediator").unwrap()]);
}
