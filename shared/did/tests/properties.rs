//! What must hold for any input: what is made is read back, and nothing from outside panics.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failed expectation is a failed test

use entente_did::peer2::{self, Purpose};
use entente_did::{
    Did, DidUrl, Document, KeyType, PublicKey, Service, ServiceType, V1Endpoint, create, peer4,
    resolve_offline, web,
};
use proptest::prelude::*;

const VERKEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";

fn key() -> impl Strategy<Value = PublicKey> {
    (any::<[u8; 67]>(), 0..6).prop_map(|(mut bytes, kind)| {
        let key_type = match kind {
            0 => return PublicKey::Ed25519(*bytes.first_chunk().unwrap()),
            1 => return PublicKey::X25519(*bytes.first_chunk().unwrap()),
            2 => KeyType::P256,
            3 => KeyType::P384,
            4 => KeyType::P521,
            _ => KeyType::Secp256k1,
        };
        bytes[0] = 2 | (bytes[0] & 1);
        PublicKey::from_bytes(key_type, &bytes[..key_type.key_len()]).unwrap()
    })
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop::sample::select(vec![
        Purpose::Assertion,
        Purpose::Authentication,
        Purpose::CapabilityDelegation,
        Purpose::CapabilityInvocation,
        Purpose::KeyAgreement,
    ])
}

fn service() -> impl Strategy<Value = Service> {
    (any::<u32>(), any::<String>(), prop::collection::vec("[ -~]{0,20}", 0..3), any::<bool>())
        .prop_map(|(priority, endpoint, keys, indy)| {
            let v1 = V1Endpoint {
                priority,
                recipient_keys: keys.clone(),
                routing_keys: keys,
                accept: vec![],
                endpoint,
            };
            let kind =
                if indy { ServiceType::IndyAgent(v1) } else { ServiceType::DidCommunication(v1) };
            Service { id: Some("#s".to_owned()), kind }
        })
}

/// DIDs as an agent makes them, to be damaged.
fn made() -> Vec<String> {
    let key = PublicKey::from_base58_ed25519(VERKEY).unwrap();
    vec![
        create::v2_peer2(&key.to_x25519().unwrap(), &key, "http://x", &[]).unwrap().to_string(),
        create::v2_peer4(&key.to_x25519().unwrap(), &key, "http://x", &[])
            .unwrap()
            .long
            .to_string(),
        key.did_key(),
        key.did_key_url(),
        create::v1_peer2(&key, "http://a", &[key]).unwrap().to_string(),
        create::v1_peer4(&key, "http://a", &[key]).unwrap().long.to_string(),
        create::legacy(&key, "http://a", &[key]).0.to_string(),
        "did:web:example.com%3A3000:user:alice".to_owned(),
    ]
}

fn documents() -> Vec<String> {
    let key = PublicKey::from_base58_ed25519(VERKEY).unwrap();
    let peer2 = create::v1_peer2(&key, "http://a", &[key]).unwrap();
    let (_, legacy) = create::legacy(&key, "http://a", &[key]);
    let w3c = resolve_offline(&peer2).unwrap().unwrap();
    vec![legacy.to_string(), serde_json::to_string(&w3c).unwrap()]
}

/// Everything that can be asked of a text from outside.
fn exercise(text: &str) {
    let _ = PublicKey::from_multibase(text);
    if let Ok(key) = PublicKey::parse_reference(text) {
        let _ = key.to_x25519();
    }
    let _ = DidUrl::parse(text).map(|url| assert_eq!(url.to_string(), text));
    let Ok(did) = Did::parse(text) else { return };
    assert_eq!(did.as_str(), text);
    assert_eq!(did.canonical().canonical(), did.canonical());
    let _ = web::url(&did, true).and(web::url(&did, false));
    let _ = peer4::resolve_short(&did);
    if let Some(Ok(document)) = resolve_offline(&did) {
        assert_eq!(document.id, did);
        exercise_document(&document);
    }
}

fn exercise_document(document: &Document) {
    let _ = document.v1_services();
    for (kid, key) in document.agreement_keys() {
        assert_eq!(document.agreement_key(&kid), Some(key), "{kid}");
        assert!(document.find_key(&kid).is_some(), "{kid}");
    }
    for (kid, key) in document.authentication_keys() {
        assert_eq!(document.authentication_key(&kid), Some(key), "{kid}");
    }
    document.v2_services().for_each(|endpoint| _ = endpoint.mediator());
    let _ = document.ed25519_keys();
    let _ = document.find_key("#key-1");
    let json = serde_json::to_string(document).unwrap();
    assert_eq!(&Document::from_json(&json).unwrap(), document);
}

fn damage(bytes: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, with) in changes {
        let at = at % bytes.len();
        bytes[at] = *with;
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\":,#.z1n0=%".to_vec())];
    prop::collection::vec((any::<usize>(), byte), 1..4)
}

proptest! {
    #[test]
    fn keys_survive_every_encoding(key in key()) {
        prop_assert_eq!(PublicKey::from_multibase(&key.multibase()), Ok(key));
        prop_assert_eq!(PublicKey::from_did_key(&key.did_key()), Ok(key));
        prop_assert_eq!(PublicKey::parse_reference(&key.did_key_url()), Ok(key));
        prop_assert_eq!(PublicKey::from_bytes(key.key_type(), key.as_bytes()), Ok(key));
        if key.key_type() == KeyType::Ed25519 {
            prop_assert_eq!(PublicKey::parse_reference(&key.base58()), Ok(key));
        }
    }

    #[test]
    fn peer2_gives_back_keys_and_services(
        keys in prop::collection::vec((purpose(), key()), 1..5),
        services in prop::collection::vec(service(), 0..4),
    ) {
        let did = peer2::encode(&keys, &services).unwrap();
        let document = peer2::resolve(&did).unwrap();
        for (number, (_, key)) in keys.iter().enumerate() {
            let id = format!("{did}#key-{}", number + 1);
            prop_assert_eq!(document.find_key(&id), Some(*key));
        }
        prop_assert_eq!(&document.service, &services);
        let json = serde_json::to_vec(&document).unwrap();
        prop_assert_eq!(Document::from_json(json).unwrap(), document);
    }

    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{0,100}|did:(key|peer|web):[02-4]?[.zA-Za-z0-9:%=]{0,80}") {
        exercise(&text);
    }

    #[test]
    fn damaged_dids_are_taken_or_refused(
        text in prop::sample::select(made()), changes in changes(), keep in any::<prop::sample::Index>(),
    ) {
        let bytes = damage(text.as_bytes(), &changes);
        exercise(&String::from_utf8_lossy(&bytes));
        exercise(&text[..keep.index(text.len())]);
    }

    #[test]
    fn damaged_services_are_taken_or_refused(changes in changes()) {
        let json = br#"{"id":"\u0023d","t":"did-communication","priority":0,"recipientKeys":["k"],"r":[],"s":"h"}"#;
        use base64::Engine;
        let encoded = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(damage(json, &changes));
        exercise(&format!("did:peer:2.Vz6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th.S{encoded}"));
    }

    #[test]
    fn damaged_documents_are_taken_or_refused(
        text in prop::sample::select(documents()), changes in changes(),
    ) {
        if let Ok(document) = Document::from_json(damage(text.as_bytes(), &changes)) {
            exercise_document(&document);
        }
    }

    #[test]
    fn random_bytes_are_no_document(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Document::from_json(bytes).is_err());
    }
}
