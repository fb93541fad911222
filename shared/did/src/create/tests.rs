use super::*;
use crate::document::Document;
use crate::resolve_offline;

const VERKEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";
const MEDIATOR: &str = "AU2FFjtkVzjFuirgWieqGGqtNrAZWS9LDuB8TDp6EUrG";
const ENDPOINT: &str = "http://127.0.0.1:8030";

fn verkey() -> PublicKey {
    PublicKey::from_base58_ed25519(VERKEY).unwrap()
}

fn mediator() -> PublicKey {
    PublicKey::from_base58_ed25519(MEDIATOR).unwrap()
}

fn reaches_us(document: &Document, routing_keys: &[PublicKey]) {
    let services = document.v1_services().unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].recipient_keys, [verkey()]);
    assert_eq!(services[0].routing_keys, routing_keys);
    assert_eq!(services[0].endpoint, ENDPOINT);
    assert_eq!(document.ed25519_keys(), [verkey()]);
}

#[test]
fn v1_peer2_is_what_acapy_makes() {
    let did = v1_peer2(&verkey(), ENDPOINT, &[]).unwrap();
    // The service element is byte for byte that of ACA-Py 1.7.
    assert_eq!(
        did.as_str(),
        "did:peer:2.Vz6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th.EX25519.SeyJpZCI6IiNkaWRjb21tLTAiLCJ0IjoiZGlkLWNvbW11bmljYXRpb24iLCJwcmlvcml0eSI6MCwicmVjaXBpZW50S2V5cyI6WyIja2V5LTEiXSwiciI6W10sInMiOiJodHRwOi8vMTI3LjAuMC4xOjgwMzAifQ"
            .replace("X25519", &verkey().to_x25519().unwrap().multibase())
    );
    reaches_us(&resolve_offline(&did).unwrap().unwrap(), &[]);
    let mediated = v1_peer2(&verkey(), ENDPOINT, &[mediator()]).unwrap();
    reaches_us(&resolve_offline(&mediated).unwrap().unwrap(), &[mediator()]);
}

#[test]
fn v1_peer4_is_what_acapy_makes() {
    let made = v1_peer4(&verkey(), ENDPOINT, &[]).unwrap();
    let document = resolve_offline(&made.long).unwrap().unwrap();
    reaches_us(&document, &[]);
    assert_eq!(document.v1_services().unwrap()[0].accept, V1_ACCEPT);
    assert_eq!(document.find_key("#key-0"), Some(verkey()));
    assert_eq!(document.authentication, [MethodRef::Reference("#key-0".into())]);
    assert_eq!(document.key_agreement, document.authentication);
    assert!(resolve_offline(&made.short).is_none());
    let mediated = v1_peer4(&verkey(), ENDPOINT, &[mediator()]).unwrap();
    reaches_us(&resolve_offline(&mediated.long).unwrap().unwrap(), &[mediator()]);
}

#[test]
fn legacy_is_what_acapy_makes() {
    let (did, document) = legacy(&verkey(), ENDPOINT, &[]);
    assert_eq!(did.as_str(), "EMmo7oSqQk1twmgLDRNjzC");
    assert_eq!(Did::parse(did.as_str()), Ok(did));
    let acapy = r#"{"@context": "https://w3id.org/did/v1", "id": "did:sov:EMmo7oSqQk1twmgLDRNjzC", "publicKey": [{"id": "did:sov:EMmo7oSqQk1twmgLDRNjzC#1", "type": "Ed25519VerificationKey2018", "controller": "did:sov:EMmo7oSqQk1twmgLDRNjzC", "publicKeyBase58": "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K"}], "authentication": [{"type": "Ed25519SignatureAuthentication2018", "publicKey": "did:sov:EMmo7oSqQk1twmgLDRNjzC#1"}], "service": [{"id": "did:sov:EMmo7oSqQk1twmgLDRNjzC;indy", "type": "IndyAgent", "priority": 0, "recipientKeys": ["8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K"], "serviceEndpoint": "http://127.0.0.1:8030"}]}"#;
    assert_eq!(document, serde_json::from_str::<Value>(acapy).unwrap());
    reaches_us(&Document::from_json(acapy).unwrap(), &[]);
    let (_, mediated) = legacy(&verkey(), ENDPOINT, &[mediator()]);
    assert_eq!(mediated["service"][0]["routingKeys"], json!([MEDIATOR]));
    reaches_us(&Document::from_value(mediated).unwrap(), &[mediator()]);
}

#[test]
fn refuses_keys_that_cannot_serve() {
    let x25519 = verkey().to_x25519().unwrap();
    assert!(matches!(v1_peer2(&x25519, ENDPOINT, &[]), Err(DidError::KeyTypeMismatch { .. })));
    assert!(matches!(v1_peer4(&x25519, ENDPOINT, &[]), Err(DidError::KeyTypeMismatch { .. })));
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    let off_curve = PublicKey::Ed25519(off_curve);
    assert_eq!(v1_peer2(&off_curve, ENDPOINT, &[]), Err(DidError::KeyOffCurve));
    assert_eq!(v1_peer4(&off_curve, ENDPOINT, &[]), Err(DidError::KeyOffCurve));
    let long = "x".repeat(20_000);
    assert!(matches!(v1_peer2(&verkey(), &long, &[]), Err(DidError::TooLarge { .. })));
}
