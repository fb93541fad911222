use serde_json::json;

use super::*;
use crate::peer0;

const ED25519: &str = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
const X25519: &str = "z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW";

fn did(text: &str) -> Did {
    Did::parse(text).unwrap()
}

#[test]
fn resolves_ed25519_with_the_derived_key() {
    for (id, document) in [
        (format!("did:key:{ED25519}"), resolve(&did(&format!("did:key:{ED25519}"))).unwrap()),
        (
            format!("did:peer:0{ED25519}"),
            peer0::resolve(&did(&format!("did:peer:0{ED25519}"))).unwrap(),
        ),
    ] {
        let own = format!("{id}#{ED25519}");
        let method = |key: &str| json!({"id": format!("{id}#{key}"), "type": "Multikey", "controller": id, "publicKeyMultibase": key});
        let expected = json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": id,
            "verificationMethod": [method(ED25519)],
            "authentication": [own],
            "assertionMethod": [own],
            "capabilityInvocation": [own],
            "capabilityDelegation": [own],
            "keyAgreement": [method(X25519)],
        });
        assert_eq!(serde_json::to_value(&document).unwrap(), expected);
        let x25519 = PublicKey::from_multibase(X25519).unwrap();
        assert_eq!(document.find_key(&format!("{id}#{X25519}")), Some(x25519));
        assert_eq!(document.v1_services(), Ok(vec![]));
    }
}

#[test]
fn x25519_is_for_key_agreement_only() {
    let document = resolve(&did(&format!("did:key:{X25519}"))).unwrap();
    assert_eq!(
        document.key_agreement,
        [MethodRef::Reference(format!("did:key:{X25519}#{X25519}"))]
    );
    assert!(document.authentication.is_empty() && document.assertion_method.is_empty());
}

#[test]
fn nist_curves_are_for_both_and_secp256k1_for_signatures() {
    for text in [
        "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
        "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
    ] {
        let document = resolve(&did(text)).unwrap();
        assert_eq!(document.key_agreement, document.authentication);
    }
    let secp256k1 = did("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme");
    let document = resolve(&secp256k1).unwrap();
    assert_eq!((document.authentication.len(), document.key_agreement.len()), (1, 0));
}

#[test]
fn refuses_other_dids_and_bad_keys() {
    for text in [
        "did:key:x",
        "did:key:uAAA",
        "did:web:a",
        // BLS12-381 G2.
        "did:key:zUC7K4ndUaGZgV7Cp2yJy6JtMoUHY6u7tkcSYUvPrEidqBmLCTLmi6d5WvwnUqejscAkERJ3bfjEiSYtdPkRSE8kSa11hFBr4sTgnbZ95SJj19PN2jdvJjyzpSZgxkyyxNnBNnY",
    ] {
        assert!(resolve(&did(text)).is_err(), "{text}");
    }
    let off_curve = PublicKey::Ed25519(std::array::from_fn(|i| if i == 0 { 2 } else { 0 }));
    assert_eq!(resolve(&did(&off_curve.did_key())), Err(DidError::KeyOffCurve));
    let key = PublicKey::from_multibase(ED25519).unwrap();
    assert_eq!(peer0::encode(&key).as_str(), format!("did:peer:0{ED25519}"));
    assert!(peer0::resolve(&did(&key.did_key())).is_err());
}
