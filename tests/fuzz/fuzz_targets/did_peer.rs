//! What stands in a did:peer: services and keys of method 2, documents of method 4.

#![no_main]

use entente_did::document::Service;
use entente_did::peer2::{self, Purpose};
use entente_did::{Did, Document, PublicKey, peer4, resolve_offline};
use entente_fuzz::{base64url, way};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Any key will do.
const KEY: &str = "z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

fuzz_target!(|data: &[u8]| match way(data) {
    (1, elements) => text(&["did:peer:2", &String::from_utf8_lossy(elements)].concat()),
    (2, service) => text(&format!("did:peer:2.V{KEY}.S{}", base64url(service))),
    (3, service) => encoded_service(service),
    (_, document) => encoded_document(document),
});

fn text(did: &str) {
    let Ok(did) = Did::parse(did) else { return };
    if let Some(Ok(document)) = resolve_offline(&did) {
        read_back(&document, &did);
    }
}

fn read_back(document: &Document, did: &Did) {
    assert_eq!(&document.id, did);
    let written = serde_json::to_vec(document).unwrap();
    assert_eq!(Document::from_json(written).as_ref(), Ok(document));
}

fn encoded_service(json: &[u8]) {
    let Ok(service) = serde_json::from_slice::<Service>(json) else { return };
    let key = PublicKey::from_multibase(KEY).unwrap();
    let Ok(did) = peer2::encode(&[(Purpose::Authentication, key)], &[service.clone()]) else {
        return;
    };
    let Ok(mut document) = peer2::resolve(&did) else { return };
    let mut read = document.service.remove(0);
    if service.id.is_none() {
        read.id = None;
    }
    assert_eq!(read.v1(), service.v1());
}

fn encoded_document(json: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(json) else { return };
    let Ok(did) = peer4::encode(&json) else { return };
    let long = peer4::resolve_long(&did.long).expect("what was encoded is resolved");
    let short = peer4::resolve_short(&did.long).expect("by its short form, too");
    read_back(&long, &did.long);
    read_back(&short, &did.short);
    assert_eq!(did.long.canonical(), did.short);
    assert_eq!(long.ed25519_keys(), short.ed25519_keys());
    // The hash holds the document.
    let mut other = did.long.to_string();
    let last = if other.pop() == Some('2') { '3' } else { '2' };
    other.push(last);
    assert!(Did::parse(&other).is_err());
}
