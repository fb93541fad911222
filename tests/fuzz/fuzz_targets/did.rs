//! DIDs, DID URLs, keys, and the URL of a did:web.

#![no_main]

use entente_did::{Did, DidUrl, MAX_DID_LEN, Method, PublicKey, resolve_offline, web};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(did) = Did::parse(text) {
        parsed(&did, text);
    }
    if let Ok(url) = DidUrl::parse(text) {
        assert_eq!(url.to_string(), text);
        let tail = text.strip_prefix(url.did.as_str()).expect("the DID stands first");
        if !tail.is_empty() {
            assert_eq!(DidUrl::parse_relative(tail, &url.did), Ok(url));
        }
    }
    if let Ok(key) = PublicKey::parse_reference(text) {
        same_in_every_form(key);
    }
    if let Ok(key) = PublicKey::from_multibase(text) {
        same_in_every_form(key);
    }
});

fn parsed(did: &Did, text: &str) {
    assert_eq!(did.as_str(), text);
    assert!(text.len() <= MAX_DID_LEN);
    let canonical = did.canonical();
    assert_eq!(canonical.canonical(), canonical);
    assert_eq!(canonical.method(), did.method());
    assert_eq!(Did::parse(canonical.as_str()), Ok(canonical));
    if let Some(Ok(document)) = resolve_offline(did) {
        assert_eq!(document.id.canonical(), did.canonical());
    }
    if let Ok(url) = web::url(did, false) {
        assert_eq!(did.method(), Method::Web);
        assert!(url.starts_with("https://") && url.ends_with("/did.json"), "{url}");
        let host = url["https://".len()..].split('/').next().unwrap_or_default();
        assert!(!host.contains(['@', '?', '#', '[', '\\', '%']), "{url}");
        assert!(!url.contains("/../") && !url.contains("/./"), "{url}");
    }
}

fn same_in_every_form(key: PublicKey) {
    assert_eq!(PublicKey::from_multibase(&key.multibase()), Ok(key));
    assert_eq!(PublicKey::from_did_key(&key.did_key()), Ok(key));
    assert_eq!(PublicKey::parse_reference(&key.did_key_url()), Ok(key));
    assert_eq!(PublicKey::from_bytes(key.key_type(), key.as_bytes()), Ok(key));
    let document = resolve_offline(&Did::parse(&key.did_key()).unwrap()).unwrap();
    if let Ok(document) = document {
        assert_eq!(document.find_key(&key.did_key_url()), Some(key));
    }
}
