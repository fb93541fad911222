//! DID documents, as they stand in a web server's answer or a message.

#![no_main]

use entente_did::document::{MAX_DOCUMENT_LEN, MAX_LIST};
use entente_did::{Document, KeyType, ServiceType};
use entente_fuzz::rewritten;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::from_json(data) else { return };
    let lists =
        [document.verification_method.len(), document.service.len(), document.authentication.len()];
    assert!(lists.iter().all(|len| *len <= 2 * MAX_LIST), "{lists:?}");
    let written = serde_json::to_vec(&document).expect("a document can be written");
    if written.len() <= MAX_DOCUMENT_LEN {
        assert_eq!(Document::from_json(&written).as_ref(), Ok(&document));
    }
    if let Some(json) = rewritten(data).filter(|json| json.len() <= MAX_DOCUMENT_LEN) {
        assert_eq!(Document::from_json(&json).as_ref(), Ok(&document));
    }
    keys(&document);
    services(&document);
});

fn keys(document: &Document) {
    for key in document.ed25519_keys() {
        assert_eq!(key.key_type(), KeyType::Ed25519);
        assert_eq!(document.find_key(&key.did_key_url()), Some(key));
    }
    for (kid, key) in document.agreement_keys() {
        assert_eq!(document.agreement_key(&kid), Some(key), "{kid}");
    }
    for (kid, key) in document.authentication_keys() {
        assert_eq!(document.authentication_key(&kid), Some(key), "{kid}");
    }
}

fn services(document: &Document) {
    if let Ok(services) = document.v1_services() {
        assert!(services.len() <= document.service.len());
        assert!(services.iter().all(|service| !service.recipient_keys.is_empty()));
    }
    for endpoint in document.v2_services() {
        let _ = endpoint.mediator();
    }
    let unknown = |kind: &ServiceType| matches!(kind, ServiceType::Other { .. });
    let _ = document.service.iter().filter(|service| unknown(&service.kind)).count();
}
