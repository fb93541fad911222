use serde_json::json;

use super::*;

const ED25519_A: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";
const ED25519_B: &str = "AU2FFjtkVzjFuirgWieqGGqtNrAZWS9LDuB8TDp6EUrG";
const MEDIATOR: &str = "9NnKFUZoYcCqYC2PcaXH3cnaGsoRfyGgyEHbvbLJYh8j";

fn key(base58: &str) -> PublicKey {
    PublicKey::from_base58_ed25519(base58).unwrap()
}

fn read(value: Value) -> Document {
    Document::from_json(value.to_string()).unwrap()
}

fn refused(value: Value) -> &'static str {
    match Document::from_json(value.to_string()) {
        Err(DidError::InvalidDocument { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_legacy_documents() {
    // The key of the mediator stands under publicKey too, as the oldest agents wrote it.
    let legacy = |did: &str| {
        json!({
            "@context": "https://w3id.org/did/v1",
            "id": did,
            "publicKey": [
                {
                    "id": format!("{did}#1"),
                    "type": "Ed25519VerificationKey2018",
                    "controller": did,
                    "publicKeyBase58": ED25519_B,
                },
                {
                    "id": "routing",
                    "type": "Ed25519VerificationKey2018",
                    "controller": did,
                    "publicKeyBase58": MEDIATOR,
                },
            ],
            "authentication": [{
                "type": "Ed25519SignatureAuthentication2018",
                "publicKey": format!("{did}#1"),
            }],
            "service": [{
                "id": format!("{did};indy"),
                "type": "IndyAgent",
                "priority": null,
                "recipientKeys": [ED25519_B],
                "routingKeys": [MEDIATOR],
                "serviceEndpoint": "http://bob:3000",
            }],
        })
    };
    for did in ["did:sov:JNKL9kJxQi5pNCfA8QBXdJ", "JNKL9kJxQi5pNCfA8QBXdJ"] {
        let document = read(legacy(did));
        assert_eq!(document.ed25519_keys(), [key(ED25519_B)]);
        assert_eq!(document.authentication, [MethodRef::Reference(format!("{did}#1"))]);
        for reference in
            ["#1", "did:sov:JNKL9kJxQi5pNCfA8QBXdJ#1", "JNKL9kJxQi5pNCfA8QBXdJ#1", ED25519_B]
        {
            assert_eq!(document.find_key(reference), Some(key(ED25519_B)), "{did} {reference}");
        }
        assert_eq!(document.find_key(&key(ED25519_B).did_key_url()), Some(key(ED25519_B)));
        assert_eq!(document.find_key(ED25519_A), None, "not in the document");
        let services = document.v1_services().unwrap();
        assert_eq!(services[0].routing_keys, [key(MEDIATOR)]);
        assert_eq!(services[0].endpoint, "http://bob:3000");
    }
}

#[test]
fn reads_keys_in_every_form() {
    let x25519 = key(ED25519_A).to_x25519().unwrap();
    let p256 =
        PublicKey::from_multibase("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv").unwrap();
    let b64 = |bytes: &[u8]| {
        use base64::Engine;
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
    };
    let ed = key(ED25519_A);
    let p256_x = b64(&p256.as_bytes()[1..]);
    let parity = p256.as_bytes()[0] & 1;
    let p256_y = b64(&[&[7; 31][..], &[parity]].concat());
    let no_codec = format!("z{}", ed.base58());
    for (kind, member, value, expected) in [
        ("Ed25519VerificationKey2018", "publicKeyBase58", json!(ed.base58()), ed),
        ("Ed25519VerificationKey2020", "publicKeyMultibase", json!(ed.multibase()), ed),
        ("Ed25519VerificationKey2020", "publicKeyMultibase", json!(no_codec), ed),
        ("Multikey", "publicKeyMultibase", json!(ed.multibase()), ed),
        ("X25519KeyAgreementKey2019", "publicKeyBase58", json!(x25519.base58()), x25519),
        ("X25519KeyAgreementKey2020", "publicKeyMultibase", json!(x25519.multibase()), x25519),
        (
            "JsonWebKey2020",
            "publicKeyJwk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": b64(ed.as_bytes())}),
            ed,
        ),
        (
            "JsonWebKey2020",
            "publicKeyJwk",
            json!({"kty": "OKP", "crv": "X25519", "x": b64(x25519.as_bytes())}),
            x25519,
        ),
        (
            "JsonWebKey2020",
            "publicKeyJwk",
            json!({"kty": "EC", "crv": "P-256", "x": p256_x, "y": p256_y}),
            p256,
        ),
    ] {
        let method = json!({"id": "#k", "type": kind, member: value});
        let document = read(json!({"id": "did:web:a", "verificationMethod": [method.clone()]}));
        assert_eq!(document.find_key("did:web:a#k"), Some(expected), "{kind} {member}");
        let embedded = read(json!({"id": "did:web:a", "keyAgreement": [method]}));
        assert_eq!(embedded.find_key("#k"), Some(expected), "{kind} {member}, embedded");
        for document in [document, embedded] {
            let json = serde_json::to_string(&document).unwrap();
            assert_eq!(Document::from_json(&json).unwrap(), document, "written and read again");
        }
    }
}

#[test]
fn keys_we_cannot_use_do_no_harm() {
    let x25519 = key(ED25519_A).to_x25519().unwrap();
    let document = read(json!({
        "id": "did:web:a",
        "verificationMethod": [
            {"id": "#rsa", "type": "RsaVerificationKey2018", "publicKeyPem": "-----BEGIN"},
            {"id": "#mixed", "type": "Ed25519VerificationKey2020", "publicKeyMultibase": x25519.multibase()},
            {"id": "#jwk", "type": "JsonWebKey2020", "publicKeyJwk": {"kty": "RSA"}},
            {"id": "#b58", "type": "NewKey2030", "publicKeyBase58": ED25519_A},
            {"id": "#bad", "type": "Multikey", "publicKeyMultibase": "zzz"},
            {"id": "#ok", "type": "Multikey", "publicKeyMultibase": key(ED25519_A).multibase()},
        ],
    }));
    for id in ["#rsa", "#mixed", "#jwk", "#b58", "#bad"] {
        assert_eq!(document.find_key(id), None, "{id}");
    }
    assert_eq!(document.ed25519_keys(), [key(ED25519_A)]);
}

#[test]
fn sorts_v1_services_by_priority_then_order() {
    let multikey = |id: &str, key: PublicKey| json!({"id": id, "type": "Multikey", "publicKeyMultibase": key.multibase()});
    let service = |kind: &str, priority: Option<u32>, keys: Value, endpoint: &str| {
        json!({"id": format!("#{endpoint}"), "type": kind, "priority": priority, "recipientKeys": keys,
            "routingKeys": [key(MEDIATOR).did_key()], "serviceEndpoint": endpoint})
    };
    let a_ref = json!(["did:web:a#a"]);
    let document = read(json!({
        "id": "did:web:a",
        "verificationMethod": [multikey("#a", key(ED25519_A)), multikey("did:web:a#b", key(ED25519_B))],
        "service": [
            service("did-communication", Some(2), a_ref.clone(), "second"),
            service("DIDCommMessaging", Some(0), a_ref.clone(), "v2"),
            service("LinkedDomains", Some(0), a_ref.clone(), "other"),
            service("did-communication", Some(2), json!(["#b", ED25519_A]), "third"),
            service("did-communication", Some(0), json!(["#unknown"]), "broken"),
            service("IndyAgent", None, json!([ED25519_B]), "first"),
        ],
    }));
    let services = document.v1_services().unwrap();
    let endpoints: Vec<_> = services.iter().map(|s| s.endpoint.as_str()).collect();
    assert_eq!(endpoints, ["first", "second", "third"]);
    assert_eq!(services[2].recipient_keys, [key(ED25519_B), key(ED25519_A)]);
    assert_eq!(services[2].routing_keys, [key(MEDIATOR)]);
    assert_eq!((services[2].priority, services[2].id.as_str()), (2, "#third"));
}

#[test]
fn says_why_no_v1_service_is_usable() {
    let x25519 = key(ED25519_A).to_x25519().unwrap();
    let with_keys = |keys: Value| {
        read(json!({
            "id": "did:web:a",
            "verificationMethod": [{"id": "#x", "type": "Multikey", "publicKeyMultibase": x25519.multibase()}],
            "service": [{"id": "#s", "type": "did-communication", "recipientKeys": keys, "serviceEndpoint": "http://a"}],
        }))
        .v1_services()
        .unwrap_err()
        .to_string()
    };
    assert!(with_keys(json!(["#x"])).contains("type X25519"));
    assert!(with_keys(json!(["#y"])).contains("#y names no key"));
    assert!(with_keys(json!([])).contains("at least one key"));
    assert_eq!(read(json!({"id": "did:web:a"})).v1_services(), Ok(vec![]));
}

#[test]
fn names_the_member_that_is_wrong() {
    let with = |field: &str, value: Value| refused(json!({"id": "did:web:a", field: value}));
    assert_eq!(refused(json!([])), "the document");
    assert_eq!(refused(json!({})), "id");
    assert_eq!(refused(json!({"id": "x"})), "id");
    assert_eq!(refused(json!({"id": 1})), "id");
    assert_eq!(with("verificationMethod", json!("x")), "verificationMethod");
    assert_eq!(with("publicKey", json!([{"id": "#1"}])), "publicKey");
    assert_eq!(with("authentication", json!([1])), "authentication");
    assert_eq!(with("alsoKnownAs", json!([1])), "alsoKnownAs");
    assert_eq!(with("service", json!([{"id": "#s"}])), "service");
    let service = |members: Value| {
        let mut service = json!({"type": "did-communication", "serviceEndpoint": "http://a"});
        service.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        with("service", json!([service]))
    };
    assert_eq!(service(json!({"priority": -1})), "priority");
    assert_eq!(service(json!({"priority": "0"})), "priority");
    assert_eq!(service(json!({"recipientKeys": [1]})), "recipientKeys");
    assert_eq!(service(json!({"serviceEndpoint": 1})), "serviceEndpoint");
    assert_eq!(
        service(json!({"type": "DIDCommMessaging", "serviceEndpoint": {}})),
        "serviceEndpoint"
    );
}

#[test]
fn bounds_what_it_reads() {
    let large = format!(r#"{{"id":"did:web:a","x":"{}"}}"#, "x".repeat(MAX_DOCUMENT_LEN));
    assert!(matches!(Document::from_json(large), Err(DidError::TooLarge { .. })));
    let many = json!({"id": "did:web:a", "service": vec![json!({"type": "x"}); MAX_LIST + 1]});
    assert!(matches!(Document::from_json(many.to_string()), Err(DidError::TooLarge { .. })));
    let deep = format!(r#"{{"id":"did:web:a","x":{}"#, "[".repeat(60_000));
    assert!(matches!(Document::from_json(deep), Err(DidError::InvalidDocument { .. })));
}
