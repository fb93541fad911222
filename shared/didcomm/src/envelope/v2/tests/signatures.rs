use serde_json::{Value, json};

use super::*;
use crate::base64url::encode;

fn sign_with(header: &Value, message: &[u8], secret: &Ed25519Secret) -> Value {
    let protected = encode(header.to_string());
    let signature = secret.sign(format!("{protected}.{}", encode(message)).as_bytes());
    json!({"protected": protected, "signature": encode(signature)})
}

fn verify(message: &[u8], signatures: Vec<Value>) -> Result<Opened, EnvelopeError> {
    let envelope = json!({"payload": encode(message), "signatures": signatures}).to_string();
    let empty = Ring(Vec::new());
    open(envelope.as_bytes(), &empty, &empty)
}

#[test]
fn the_kid_is_protected_or_not() {
    let (kid, secret) = signer();
    let protected = sign_with(&json!({"alg": "EdDSA", "kid": kid}), MESSAGE, &secret);
    let mut unprotected = sign_with(&json!({"alg": "EdDSA"}), MESSAGE, &secret);
    unprotected["header"] = json!({"kid": kid});
    let mut both = protected.clone();
    both["header"] = json!({"kid": kid});
    for signature in [protected, unprotected.clone(), both.clone()] {
        let opened = verify(MESSAGE, vec![signature]).unwrap();
        assert_eq!(
            (opened.plaintext.as_slice(), opened.signer.unwrap().kid.as_str()),
            (MESSAGE, kid)
        );
    }
    both["header"]["kid"] = "did:example:bob#2".into();
    assert!(matches!(
        verify(MESSAGE, vec![both]),
        Err(EnvelopeError::HeaderMismatch { header: "kid", .. })
    ));
    unprotected.as_object_mut().unwrap().remove("header");
    assert!(matches!(verify(MESSAGE, vec![unprotected]), Err(EnvelopeError::MissingHeader { .. })));
}

#[test]
fn every_signature_is_checked() {
    let (kid, secret) = signer();
    let header = json!({"typ": "application/didcomm-signed+json", "alg": "EdDSA", "kid": kid});
    let good = sign_with(&header, MESSAGE, &secret);
    assert!(verify(MESSAGE, vec![good.clone(), good.clone()]).is_ok());
    let bad = sign_with(&header, MESSAGE, &Ed25519Secret::from_seed([8; 32]));
    assert_eq!(verify(MESSAGE, vec![good.clone(), bad.clone()]), Err(EnvelopeError::Decryption));
    assert_eq!(verify(MESSAGE, vec![bad, good.clone()]), Err(EnvelopeError::Decryption));
    assert_eq!(verify(b"another", vec![good.clone()]), Err(EnvelopeError::Decryption));
    let count = |actual| Err(EnvelopeError::Signatures { limit: 4, actual });
    assert_eq!(verify(MESSAGE, Vec::new()), count(0));
    assert_eq!(verify(MESSAGE, vec![good; 5]), count(5));
}

#[test]
fn signatures_are_of_one_did() {
    let (kid, secret) = signer();
    let carol = Ed25519Secret::from_seed([8; 32]);
    let one = sign_with(&json!({"alg": "EdDSA", "kid": kid}), MESSAGE, &secret);
    let other = sign_with(&json!({"alg": "EdDSA", "kid": "did:example:carol#1"}), MESSAGE, &carol);
    let envelope = json!({"payload": encode(MESSAGE), "signatures": [one, other]}).to_string();
    let Ok(Envelope::Signed(signed)) = Envelope::peek(envelope.as_bytes()) else { panic!() };
    assert_eq!(signed.signer_kids().count(), 2);
    let signers =
        [NamedKey::new(kid, secret.public()), NamedKey::new("did:example:carol#1", carol.public())];
    let opened = signed.open(&Keys { signers: &signers, ..Keys::default() });
    assert!(matches!(opened, Err(EnvelopeError::LayerMismatch { .. })));
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let (kid, secret) = signer();
    // The right signature under the name of another algorithm.
    for alg in ["ES256", "ES256K"] {
        let other = sign_with(&json!({"alg": alg, "kid": kid}), MESSAGE, &secret);
        assert_eq!(verify(MESSAGE, vec![other]), Err(EnvelopeError::Decryption));
    }
    for alg in ["none", "HS256", "eddsa", ""] {
        let other = sign_with(&json!({"alg": alg, "kid": kid}), MESSAGE, &secret);
        assert!(matches!(
            verify(MESSAGE, vec![other]),
            Err(EnvelopeError::Header { header: "alg", .. })
        ));
    }
    let b64 = json!({"alg": "EdDSA", "kid": kid, "b64": false, "crit": ["b64"]});
    let refused = verify(MESSAGE, vec![sign_with(&b64, MESSAGE, &secret)]);
    assert!(matches!(refused, Err(EnvelopeError::HeaderMismatch { header: "crit", .. })));
    let typ = json!({"alg": "EdDSA", "kid": kid, "typ": "JWT"});
    let refused = verify(MESSAGE, vec![sign_with(&typ, MESSAGE, &secret)]);
    assert!(matches!(refused, Err(EnvelopeError::Header { header: "typ", .. })));
}
