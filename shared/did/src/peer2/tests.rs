use super::*;
use crate::document::{V1Endpoint, V2Endpoint};

/// The example of the did:peer specification.
const SPEC: &str = "did:peer:2.Vz6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc.Ez6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR.SeyJ0IjoiZG0iLCJzIjp7InVyaSI6Imh0dHA6Ly9leGFtcGxlLmNvbS9kaWRjb21tIiwiYSI6WyJkaWRjb21tL3YyIl0sInIiOlsiZGlkOmV4YW1wbGU6MTIzNDU2Nzg5YWJjZGVmZ2hpI2tleS0xIl19fQ.SeyJ0IjoiZG0iLCJzIjp7InVyaSI6Imh0dHA6Ly9leGFtcGxlLmNvbS9hbm90aGVyIiwiYSI6WyJkaWRjb21tL3YyIl0sInIiOlsiZGlkOmV4YW1wbGU6MTIzNDU2Nzg5YWJjZGVmZ2hpI2tleS0yIl19fQ";
const ED25519: &str = "z6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc";
const X25519: &str = "z6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR";

fn key(multibase: &str) -> PublicKey {
    PublicKey::from_multibase(multibase).unwrap()
}

fn resolved(did: &str) -> Document {
    resolve(&Did::parse(did).unwrap()).unwrap()
}

fn with_service(json: &str) -> String {
    format!("did:peer:2.V{ED25519}.E{X25519}.S{}", BASE64_URL_SAFE_NO_PAD.encode(json))
}

fn v2_service(uri: &str, routing_key: &str) -> Service {
    Service {
        id: None,
        kind: ServiceType::DidCommMessaging(vec![V2Endpoint {
            uri: uri.to_owned(),
            accept: vec!["didcomm/v2".to_owned()],
            routing_keys: vec![routing_key.to_owned()],
        }]),
    }
}

#[test]
fn encodes_the_example_of_the_specification() {
    let keys = [(Purpose::Authentication, key(ED25519)), (Purpose::KeyAgreement, key(X25519))];
    let services = [
        v2_service("http://example.com/didcomm", "did:example:123456789abcdefghi#key-1"),
        v2_service("http://example.com/another", "did:example:123456789abcdefghi#key-2"),
    ];
    assert_eq!(encode(&keys, &services).unwrap().as_str(), SPEC);
}

#[test]
fn resolves_the_example_of_the_specification() {
    let document = serde_json::to_value(resolved(SPEC)).unwrap();
    let service = |id: &str, path: &str, key: &str| {
        serde_json::json!({
            "id": id,
            "type": "DIDCommMessaging",
            "serviceEndpoint": {
                "uri": format!("http://example.com/{path}"),
                "accept": ["didcomm/v2"],
                "routingKeys": [format!("did:example:123456789abcdefghi#{key}")],
            },
        })
    };
    let method = |id: &str, key: &str| serde_json::json!({"id": id, "type": "Multikey", "controller": SPEC, "publicKeyMultibase": key});
    let expected = serde_json::json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": SPEC,
        "alsoKnownAs": ["did:peer:3zQmd6RdU6e2nDrLn1rjwdA5Buzq7wJwsv3WJ1AgrwKYJoLE"],
        "verificationMethod": [method("#key-1", ED25519), method("#key-2", X25519)],
        "authentication": ["#key-1"],
        "keyAgreement": ["#key-2"],
        "service": [service("#service", "didcomm", "key-1"), service("#service-1", "another", "key-2")],
    });
    assert_eq!(document, expected);
}

#[test]
fn numbers_keys_in_order_of_appearance() {
    let did = format!("did:peer:2.E{X25519}.A{ED25519}.V{ED25519}");
    let document = resolved(&did);
    assert_eq!(document.key_agreement, [MethodRef::Reference("#key-1".into())]);
    assert_eq!(document.assertion_method, [MethodRef::Reference("#key-2".into())]);
    assert_eq!(document.authentication, [MethodRef::Reference("#key-3".into())]);
    for reference in [format!("{did}#key-1"), "#key-1".into(), "key-1".into()] {
        assert_eq!(document.find_key(&reference), Some(key(X25519)), "{reference}");
    }
    // Ids of early libraries: the multibase, with or without its z.
    assert_eq!(document.find_key(&format!("#{}", &ED25519[1..])), Some(key(ED25519)));
    assert_eq!(document.find_key(&format!("{did}#{X25519}")), Some(key(X25519)));
    assert_eq!(document.find_key("#key-4"), None);
    assert_eq!(document.find_key("did:web:example.com#key-1"), None);
}

#[test]
fn reads_what_early_libraries_wrote() {
    let expected = V2Endpoint {
        uri: "https://a.example".into(),
        accept: vec!["didcomm/v2".into()],
        routing_keys: vec!["did:example:m#k".into()],
    };
    for json in [
        r##"{"t":"dm","s":{"uri":"https://a.example","a":["didcomm/v2"],"r":["did:example:m#k"]}}"##,
        r##"{"type":"DIDCommMessaging","serviceEndpoint":{"uri":"https://a.example","accept":["didcomm/v2"],"routingKeys":["did:example:m#k"]}}"##,
        r##"{"t":"dm","s":"https://a.example","r":["did:example:m#k"],"a":["didcomm/v2"]}"##,
        r##"{"t":"dm","s":[{"uri":"https://a.example","a":["didcomm/v2"],"r":["did:example:m#k"]}]}"##,
        r##"[{"t":"dm","s":"https://a.example","r":["did:example:m#k"],"a":["didcomm/v2"]}]"##,
        r##" { "t" : "dm", "s": "https://a.example", "r": "did:example:m#k", "a": "didcomm/v2" } "##,
    ] {
        let document = resolved(&with_service(json));
        let service = &document.service[0];
        assert_eq!(service.id.as_deref(), Some("#service"));
        assert_eq!(service.kind, ServiceType::DidCommMessaging(vec![expected.clone()]), "{json}");
        assert_eq!(document.v1_services(), Ok(vec![]), "v2 only");
    }
    let json = r##"[{"t":"dm","s":"https://a.example"},{"t":"x","s":1,"id":"#own"},{"t":"dm","s":"https://b.example"}]"##;
    let ids: Vec<_> =
        resolved(&with_service(json)).service.into_iter().map(|s| s.id.unwrap()).collect();
    assert_eq!(ids, ["#service", "#own", "#service-1"]);
}

#[test]
fn reads_padded_services() {
    for json in [r#"{"t":"x","s":"a"}"#, r#"{"t":"x","s":"ab"}"#, r#"{"t":"x","s":"abc"}"#] {
        let padded = base64::prelude::BASE64_URL_SAFE.encode(json);
        let did = format!("did:peer:2.V{ED25519}.S{padded}");
        assert_eq!(resolved(&did).service, resolved(&with_service(json)).service);
    }
}

#[test]
fn abbreviates_at_every_depth() {
    let nested =
        serde_json::json!({"type": "DIDCommMessaging", "x": [{"routingKeys": [], "u": 1}]});
    let service =
        Service { id: None, kind: ServiceType::Other { kind: "linked".into(), endpoint: nested } };
    let did =
        encode(&[(Purpose::Assertion, key(ED25519))], std::slice::from_ref(&service)).unwrap();
    let encoded = did.as_str().rsplit(".S").next().unwrap();
    let json: Value = serde_json::from_slice(&BASE64.decode(encoded).unwrap()).unwrap();
    let expected = serde_json::json!({"t": "linked", "s": {"t": "dm", "x": [{"r": [], "u": 1}]}});
    assert_eq!(json, expected);
    assert_eq!(resolve(&did).unwrap().service[0].kind, service.kind);
}

#[test]
fn refuses_what_is_no_did_peer_2() {
    let bad_json = with_service("{");
    let no_type = with_service(r#"{"s":"https://a.example"}"#);
    for did in [
        "did:peer:2",
        "did:peer:2.",
        "did:peer:2.V",
        "did:peer:2.Xz6Mk",
        "did:peer:2.Vz6Mkj3P",
        "did:peer:2.S!",
        "did:peer:2.S",
        "did:peer:2..",
        "did:peer:2z6Mk",
        &bad_json,
        &no_type,
    ] {
        let result = Did::parse(did).and_then(|did| resolve(&did));
        assert!(result.is_err(), "{did}: {result:?}");
    }
    assert!(encode(&[], &[]).is_err());
    let absolute = Service {
        id: Some("did:example:a#b".into()),
        kind: ServiceType::IndyAgent(V1Endpoint {
            priority: 0,
            recipient_keys: vec![],
            routing_keys: vec![],
            accept: vec![],
            endpoint: "https://a.example".into(),
        }),
    };
    assert!(encode(&[(Purpose::Assertion, key(ED25519))], &[absolute]).is_err());
    // Each key names the whole DID, so that the document is many times as long.
    let grown = format!("did:peer:2{}", format!(".V{ED25519}").repeat(38));
    let error = resolve(&Did::parse(&grown).unwrap());
    assert!(matches!(error, Err(DidError::TooLarge { limit: 32768, .. })), "{error:?}");
    let many = format!("did:peer:2{}", format!(".V{ED25519}").repeat(65));
    assert!(matches!(Did::parse(&many), Err(DidError::TooLarge { .. })));
}

#[test]
fn reads_every_shape_of_an_identus_did() {
    let services = |elements: &str| -> Vec<(String, Vec<String>)> {
        let did = format!("did:peer:2.E{X25519}.V{ED25519}{elements}");
        let document = resolved(&did);
        assert_eq!(document.agreement_keys(), [(format!("{did}#key-1"), key(X25519))]);
        assert_eq!(document.authentication_keys(), [(format!("{did}#key-2"), key(ED25519))]);
        document.v2_services().map(|e| (e.uri.clone(), e.accept.clone())).collect()
    };
    let element = |json: &str| format!(".S{}", BASE64_URL_SAFE_NO_PAD.encode(json));
    let one = |uri: &str| (uri.to_owned(), vec!["didcomm/v2".to_owned()]);
    for json in [
        r#"{"t":"dm","s":{"uri":"https://a.example","r":[],"a":["didcomm/v2"]}}"#,
        r#"{"t":"dm","s":"https://a.example","r":[],"a":["didcomm/v2"]}"#,
        r#"[{"t":"dm","s":{"uri":"https://a.example","r":[],"a":["didcomm/v2"]}}]"#,
        r#"{"type":"DIDCommMessaging","serviceEndpoint":{"uri":"https://a.example","routing_keys":[],"accept":["didcomm/v2"]}}"#,
    ] {
        assert_eq!(services(&element(json)), [one("https://a.example")], "{json}");
        let padded = base64::prelude::BASE64_URL_SAFE.encode(json);
        assert_eq!(services(&format!(".S{padded}")), [one("https://a.example")], "{json}");
    }
    let other = r#"{"t":"dm","s":{"uri":"did:example:mediator","r":[],"a":["didcomm/v2"]}}"#;
    let repeated =
        element(r#"{"t":"dm","s":"https://a.example","a":["didcomm/v2"]}"#) + &element(other);
    assert_eq!(services(&repeated), [one("https://a.example"), one("did:example:mediator")]);
    // A wallet of the SDK that has no mediator.
    assert_eq!(services(".SW10"), []);
    assert_eq!(services(""), []);
}
