use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::document::{MethodRef, ServiceType};
use crate::key::PublicKey;

/// Made by the did_peer_4 library of ACA-Py 1.7.
const LONG: &str = "did:peer:4zQmSyci7zeQPYqJW6EJ9nPNdgrcYhxXNuaDsB3KNshkEPuJ:z4qSZb8snD4VaDaxRgpjMzdbX7kUNGQoSvbff5n2qvSgXEEXpsC7NtPjVMk8sd2rU6unVAVTEiBD7p7mioDUVnDRY13UeTh2HYtmnNkDpcjShjGhpMV5S3CryVhPT6uQbgV7nSv6cYVQFcEzMDaStJmCSBrfj2bLdz2Y3MgLf8veXVigUQiJqLgmo8A5Q7VEtJGbpvj97cHmd44kMu9PK9QcTa2gTgXWKysS28JYxq6GPq4EFSWNUNj2ZnNphhYwbxMZKJXZDBrXhpx19Ze3Fm7sQmXJ97rmbBU742aCL1xm88vPZyXH1BUqEPuWSUmcxG4cBc2pvqFXRp5jWBznMVPyvEgmz7NUFBTmMH9KDwLsHwPR2Fye54FPfZfqTFwTf6C3iTux9CGyzKiBxQwwYpPgPPvJMTEkonfY2FyrZWKeHs1sNyXigCNMrQzR7uqziDDAB523tNVmZh545w5t6gGmQYTK4814FZnbArkfLzeY81YsWnvrHHLMAvwC1iRNzBwXbuGkLZHjRX642Kzw4noNKKgeJT12uASC2s7ro89Y8WmHHWQEYLU8KTTPxq9CmUhTaRoYnY";
const SHORT: &str = "did:peer:4zQmSyci7zeQPYqJW6EJ9nPNdgrcYhxXNuaDsB3KNshkEPuJ";
const KEY: &str = "z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

/// The example of the did:peer specification.
const SPEC: &str = "did:peer:4zQmd8CpeFPci817KDsbSAKWcXAE2mjvCQSasRewvbSF54Bd:z2M1k7h4psgp4CmJcnQn2Ljp7Pz7ktsd7oBhMU3dWY5s4fhFNj17qcRTQ427C7QHNT6cQ7T3XfRh35Q2GhaNFZmWHVFq4vL7F8nm36PA9Y96DvdrUiRUaiCuXnBFrn1o7mxFZAx14JL4t8vUWpuDPwQuddVo1T8myRiVH7wdxuoYbsva5x6idEpCQydJdFjiHGCpNc2UtjzPQ8awSXkctGCnBmgkhrj5gto3D4i3EREXYq4Z8r2cWGBr2UzbSmnxW2BuYddFo9Yfm6mKjtJyLpF74ytqrF5xtf84MnGFg1hMBmh1xVx1JwjZ2BeMJs7mNS8DTZhKC7KH38EgqDtUZzfjhpjmmUfkXg2KFEA3EGbbVm1DPqQXayPYKAsYPS9AyKkcQ3fzWafLPP93UfNhtUPL8JW5pMcSV3P8v6j3vPXqnnGknNyBprD6YGUVtgLiAqDBDUF3LSxFQJCVYYtghMTv8WuSw9h1a1SRFrDQLGHE4UrkgoRvwaGWr64aM87T1eVGkP5Dt4L1AbboeK2ceLArPScrdYGTpi3BpTkLwZCdjdiFSfTy9okL1YNRARqUf2wm8DvkVGUU7u5nQA3ZMaXWJAewk6k1YUxKd7LvofGUK4YEDtoxN5vb6r1Q2godrGqaPkjfL3RoYPpDYymf9XhcgG8Kx3DZaA6cyTs24t45KxYAfeCw4wqUpCH9HbpD78TbEUr9PPAsJgXBvBj2VVsxnr7FKbK4KykGcg1W8M1JPz21Z4Y72LWgGQCmixovrkHktcTX1uNHjAvKBqVD5C7XmVfHgXCHj7djCh3vzLNuVLtEED8J1hhqsB1oCBGiuh3xXr7fZ9wUjJCQ1HYHqxLJKdYKtoCiPmgKM7etVftXkmTFETZmpM19aRyih3bao76LdpQtbw636r7a3qt8v4WfxsXJetSL8c7t24SqQBcAY89FBsbEnFNrQCMK3JEseKHVaU388ctvRD45uQfe5GndFxthj4iSDomk4uRFd1uRbywoP1tRuabHTDX42UxPjz";

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
fn resolves_the_example_of_the_specification() {
    let did = Did::parse(SPEC).unwrap();
    let short = "did:peer:4zQmd8CpeFPci817KDsbSAKWcXAE2mjvCQSasRewvbSF54Bd";
    assert_eq!(did.canonical().as_str(), short);
    let document = resolve_long(&did).unwrap();
    assert_eq!(document.also_known_as, [short]);
    let ed25519 = "z6MkrCD1csqtgdj8sjrsu8jxcbeyP6m7LiK87NzhfWqio5yr";
    let x25519 = "z6LSqPZfn9krvgXma2icTMKf2uVcYhKXsudCmPoUzqGYW24U";
    for (id, multibase) in [("#6MkrCD1c", ed25519), ("#6LSqPZfn", x25519)] {
        assert_eq!(document.find_key(id), PublicKey::from_multibase(multibase).ok());
    }
    assert_eq!(document.authentication, [MethodRef::Reference("#6MkrCD1c".into())]);
    let ServiceType::DidCommMessaging(endpoints) = &document.service[0].kind else { panic!("v2") };
    assert_eq!(endpoints[0].uri, "didcomm:transport/queue");
    assert_eq!(endpoints[0].accept, ["didcomm/v2"]);
    assert_eq!(document.v1_services(), Ok(vec![]));
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
