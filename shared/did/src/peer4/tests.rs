use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::document::MethodRef;
use crate::key::PublicKey;

/// Made by the did_peer_4 library of ACA-Py 1.7.
const LONG: &str = "did:peer:4zQmSyci7zeQPYqJW6EJ9nPNdgrcYhxXNuaDsB3KNshkEPuJ:z4qSZb8snD4VaDaxRgpjMzdbX7kUNGQoSvbff5n2qvSgXEEXpsC7NtPjVMk8sd2rU6unVAVTEiBD7p7mioDUVnDRY13UeTh2HYtmnNkDpcjShjGhpMV5S3CryVhPT6uQbgV7nSv6cYVQFcEzMDaStJmCSBrfj2bLdz2Y3MgLf8veXVigUQiJqLgmo8A5Q7VEtJGbpvj97cHmd44kMu9PK9QcTa2gTgXWKysS28JYxq6GPq4EFSWNUNj2ZnNphhYwbxMZKJXZDBrXhpx19Ze3Fm7sQmXJ97rmbBU742aCL1xm88vPZyXH1BUqEPuWSUmcxG4cBc2pvqFXRp5jWBznMVPyvEgmz7NUFBTmMH9KDwLsHwPR2Fye54FPfZfqTFwTf6C3iTux9CGyzKiBxQwwYpPgPPvJMTEkonfY2FyrZWKeHs1sNyXigCNMrQzR7uqziDDAB523tNVmZh545w5t6gGmQYTK4814FZnbArkfLzeY81YsWnvrHHLMAvwC1iRNzBwXbuGkLZHjRX642Kzw4noNKKgeJT12uASC2s7ro89Y8WmHHWQEYLU8KTTPxq9CmUhTaRoYnY";
const SHORT: &str = "did:peer:4zQmSyci7zeQPYqJW6EJ9nPNdgrcYhxXNuaDsB3KNshkEPuJ";
const KEY: &str = "z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

fn long() -> Did {
    Did::parse(LONG).unwrap()
}

#[test]
fn resolves_both_forms() {
    let key = PublicKey::from_multibase(KEY).unwrap();
    for (document, id, other) in [
        (resolve_long(&long()).unwrap(), LONG, SHORT),
        (resolve_short(&long()).unwrap(), SHORT, LONG),
    ] {
        assert_eq!(document.id.as_str(), id);
        assert_eq!(document.also_known_as, [other]);
        assert_eq!(document.verification_method[0].controller, id);
        for reference in ["#key-0".to_owned(), format!("{SHORT}#key-0"), format!("{LONG}#key-0")] {
            assert_eq!(document.find_key(&reference), Some(key));
        }
        let services = document.v1_services().unwrap();
        assert_eq!(services[0].recipient_keys, [key]);
        assert_eq!(services[0].endpoint, "http://127.0.0.1:8030");
    }
}

#[test]
fn both_forms_are_one_subject() {
    let short = Did::parse(SHORT).unwrap();
    assert_eq!(long().canonical(), short);
    assert_eq!(short.canonical(), short);
    assert_eq!(short_form(&long()), Some(short.clone()));
    assert_eq!(short_form(&Did::parse("did:web:a").unwrap()), None);
    assert!(is_long(&long()) && !is_long(&short));
    assert_eq!(resolve_long(&short), Err(DidError::ShortForm));
    assert_eq!(resolve_short(&short), Err(DidError::ShortForm));
}

#[test]
fn encodes_and_resolves_the_input_document() {
    let input = json!({
        "verificationMethod": [{"id": "#a", "type": "Multikey", "publicKeyMultibase": KEY, "controller": "did:web:c"}],
        "keyAgreement": [{"id": "#b", "type": "Multikey", "publicKeyMultibase": KEY}],
        "alsoKnownAs": ["did:web:me"],
    });
    let Peer4 { long, short } = encode(&input).unwrap();
    let document = resolve_long(&long).unwrap();
    assert_eq!(document.also_known_as, ["did:web:me", short.as_str()]);
    assert_eq!(document.verification_method[0].controller, "did:web:c");
    let MethodRef::Embedded(embedded) = &document.key_agreement[0] else { panic!("embedded") };
    assert_eq!(embedded.controller, long.as_str());
    assert_eq!(Did::parse(long.as_str()), Ok(long));
}

#[test]
fn refuses_input_documents_that_are_none() {
    for input in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"id": "did:web:a"}),
        json!({"service": [{"type": "x", "serviceEndpoint": "y"}]}),
        json!({"service": [{"id": "did:web:a#s", "type": "x", "serviceEndpoint": "y"}]}),
        json!({"authentication": [{"id": "key-1", "type": "Multikey"}]}),
        json!({"service": 7}),
    ] {
        assert!(matches!(encode(&input), Err(DidError::InvalidDocument { .. })), "{input}");
    }
    let large = json!({"alsoKnownAs": ["x".repeat(20_000)]});
    assert!(matches!(encode(&large), Err(DidError::TooLarge { .. })));
}

#[test]
fn refuses_encodings_that_are_no_document() {
    let did = |bytes: &[u8]| {
        let encoded = format!("z{}", bs58::encode(bytes).into_string());
        Did::parse(&format!("{PREFIX}{}:{encoded}", hash(&encoded))).unwrap()
    };
    let document = |error| matches!(error, Err(DidError::InvalidDocument { .. }));
    assert!(document(resolve_long(&did(b"\x80\x04{\"a\":"))));
    assert!(document(resolve_long(&did(b"\x80\x04[]"))));
    let deep = [b"\x80\x04{\"a\":".as_slice(), &vec![b'['; 9000]].concat();
    assert!(document(resolve_long(&did(&deep))));
    assert!(matches!(resolve_long(&did(b"\x81\x04{}")), Err(DidError::InvalidDid { .. })));
    assert!(matches!(resolve_long(&did(b"{}")), Err(DidError::InvalidDid { .. })));
    let encoded = "z0OIl";
    assert!(matches!(
        Did::parse(&format!("{PREFIX}{}:{encoded}", hash(encoded)))
            .and_then(|did| resolve_long(&did)),
        Err(DidError::InvalidDid { .. })
    ));
}

proptest! {
    #[test]
    fn a_changed_document_or_hash_is_refused(at in PREFIX.len() + 1..LONG.len(), with in "[1-9A-HJ-NP-Za-km-z]") {
        let mut text = LONG.to_owned();
        text.replace_range(at..=at, &with);
        prop_assert_eq!(Did::parse(&text).is_ok(), text == LONG);
    }
}
