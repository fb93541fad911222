use proptest::prelude::*;

use super::*;
use crate::primitives::Ed25519Secret;

/// Made with ACA-Py 1.7.0 from the seed `[1; 32]`: a flattened JWS.
const ACAPY_ONE: &str = r#"{"@id": "rot", "mime-type": "text/string", "data": {"base64": "ZGlkOnBlZXI6NHpRbUV4YW1wbGU=", "jws": {"header": {"kid": "did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX"}, "protected": "eyJhbGciOiAiRWREU0EiLCAiandrIjogeyJrdHkiOiAiT0tQIiwgImNydiI6ICJFZDI1NTE5IiwgIngiOiAiaW9qajNYUUo4Wlg5VXRzdFBMcGRjc3BuQ2I4ZGxCSWI4M1NJQWJRUGIxdyIsICJraWQiOiAiZGlkOmtleTp6Nk1rb24zTmVjZDZOa2t5Zm9Hb0h4aWQyem5HYzU5TFUzSzdtdWJhUmNGYkxmTFgifX0", "signature": "E8Dix1ptG3bDrcghFfJYmBkWhkFtt5P-lNbP0TI_JOo3KuZDmODkyVIre5KPmh9cY5euZBLx6Lo_ZaFP3hMmDg"}}}"#;
/// From the seeds `[1; 32]` and `[2; 32]`: a general JWS, over data in plain base64.
const ACAPY_TWO: &str = r#"{"@id": "doc", "mime-type": "application/json", "data": {"base64": "eyJpZCI6ICJkaWQ6ZXhhbXBsZToxIiwgIngiOiAiXHUwMGZjPz5+In0=", "jws": {"signatures": [{"header": {"kid": "did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX"}, "protected": "eyJhbGciOiAiRWREU0EiLCAiandrIjogeyJrdHkiOiAiT0tQIiwgImNydiI6ICJFZDI1NTE5IiwgIngiOiAiaW9qajNYUUo4Wlg5VXRzdFBMcGRjc3BuQ2I4ZGxCSWI4M1NJQWJRUGIxdyIsICJraWQiOiAiZGlkOmtleTp6Nk1rb24zTmVjZDZOa2t5Zm9Hb0h4aWQyem5HYzU5TFUzSzdtdWJhUmNGYkxmTFgifX0", "signature": "xL1YCPSaQ3gqrMDS2VEV7jriQ80zUg-28mD8-1hXl1m2PovXmgpiruwyXYFrNOQtauJBh7OkFf1xTWpkI4YICA"}, {"header": {"kid": "did:key:z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH"}, "protected": "eyJhbGciOiAiRWREU0EiLCAiandrIjogeyJrdHkiOiAiT0tQIiwgImNydiI6ICJFZDI1NTE5IiwgIngiOiAiZ1RsM0RxaDlGMTlXbzFSbXcweC16TXVOaXBHMDdqZWlYZllQVzRfSnM1USIsICJraWQiOiAiZGlkOmtleTp6Nk1rbzloVGdnTXdqU1RFYUphUFVmRTZ0cWN5Mnh2VTZCbk5xM2UzbzhxVkJpeUgifX0", "signature": "yVe5hrgQvbP7e7nvYev6uwba1je_R0_UFq3fHCctod5seHHS9YrtZYhCJtxzQn23xNbeYXuoVnJuq3RKn0YOBA"}]}}}"#;

fn secret(n: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([n; 32])
}

fn read(text: &str) -> Attachment {
    Attachment::parse(&serde_json::from_str(text).unwrap()).unwrap()
}

/// An attachment signed by seed 1.
fn signed(payload: &[u8]) -> Attachment {
    let mut attachment = Attachment::from_bytes("a", "text/string", payload);
    let unsigned = signing_input(payload, &secret(1).public()).unwrap();
    let signature = secret(1).sign(unsigned.bytes());
    attachment.data.jws = Some(unsigned.with_signature(signature));
    attachment
}

/// A signature by seed 1 under headers of our choice.
fn with_headers(protected: Value, header: Value) -> Attachment {
    let mut attachment = signed(b"payload");
    let protected = base64url::encode(protected.to_string());
    let signature = secret(1).sign(&input(&protected, b"payload"));
    attachment.data.jws = Some(json!({
        "header": header, "protected": protected, "signature": base64url::encode(signature),
    }));
    attachment
}

fn jwk(n: u8) -> Value {
    let public = secret(n).public();
    json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(public.as_bytes())})
}

#[test]
fn verifies_what_acapy_signed() {
    assert_eq!(verify(&read(ACAPY_ONE)), Ok(vec![secret(1).public()]));
    assert_eq!(read(ACAPY_ONE).content(100).unwrap(), b"did:peer:4zQmExample");
    assert_eq!(verify(&read(ACAPY_TWO)), Ok(vec![secret(1).public(), secret(2).public()]));
}

#[test]
fn writes_the_headers_that_acapy_and_credo_read() {
    let attachment = signed(b"did:peer:4zQm");
    assert_eq!(verify(&attachment), Ok(vec![secret(1).public()]));
    let jws = attachment.data.jws.unwrap();
    let did_key = secret(1).public().did_key();
    assert_eq!(jws["header"], json!({"kid": did_key}));
    let protected = base64url::decode(jws["protected"].as_str().unwrap()).unwrap();
    let protected: Value = serde_json::from_slice(&protected).unwrap();
    let mut jwk = jwk(1);
    jwk["kid"] = did_key.into();
    // Nothing more: Credo refuses a `kid` beside the `jwk`.
    assert_eq!(protected, json!({"alg": "EdDSA", "jwk": jwk}));
    let not_ed25519 = signing_input(b"", &secret(1).to_x25519().public());
    assert!(matches!(not_ed25519, Err(JwsError::SigningKey(_))));
}

#[test]
fn takes_the_key_from_any_header_that_names_it() {
    let did_key = secret(1).public().did_key();
    let url = secret(1).public().did_key_url();
    for (protected, header) in [
        (json!({"alg": "EdDSA", "jwk": jwk(1)}), json!({})),
        (json!({"alg": "EdDSA", "jwk": jwk(1)}), json!(null)),
        (json!({"alg": "EdDSA", "kid": did_key}), json!({})),
        (json!({"alg": "EdDSA"}), json!({"kid": did_key})),
        (json!({"alg": "EdDSA"}), json!({"kid": url})),
        (json!({"alg": "EdDSA"}), json!({"kid": secret(1).public().base58()})),
        (json!({"alg": "EdDSA", "jwk": jwk(1), "kid": did_key}), json!({"kid": did_key})),
        // Names that are no keys, beside the key: Credo's UUID, a DID URL.
        (
            json!({"alg": "EdDSA", "jwk": jwk(1), "kid": "did:peer:2.x#key-1"}),
            json!({"kid": "7c1"}),
        ),
    ] {
        let attachment = with_headers(protected.clone(), header.clone());
        assert_eq!(verify(&attachment), Ok(vec![secret(1).public()]), "{protected} {header}");
    }
}

#[test]
fn refuses_headers_that_do_not_say_who_signed() {
    let did_key = |n| secret(n).public().did_key();
    let index = 0;
    let bad_jwk = json!({"kty": "EC", "crv": "P-256", "x": "AA"});
    for (protected, header, expected) in [
        (json!({"alg": "EdDSA"}), json!({}), JwsError::NoKey { index }),
        (json!({"alg": "EdDSA"}), json!({"kid": "did:peer:2.x#1"}), JwsError::NoKey { index }),
        (
            json!({"alg": "EdDSA", "jwk": jwk(1)}),
            json!({"kid": did_key(2)}),
            JwsError::KeysDisagree { index },
        ),
        (
            json!({"alg": "EdDSA", "kid": did_key(1)}),
            json!({"kid": did_key(2)}),
            JwsError::KeysDisagree { index },
        ),
        (
            json!({"alg": "EdDSA", "jwk": bad_jwk}),
            json!({"kid": did_key(1)}),
            JwsError::BadKey { index, header: "jwk" },
        ),
        (
            json!({"alg": "EdDSA"}),
            json!({"kid": "did:key:zzz"}),
            JwsError::BadKey { index, header: "header.kid" },
        ),
        (
            json!({"alg": "EdDSA", "jwk": jwk(2)}),
            json!({"kid": did_key(2)}),
            JwsError::Signature { index },
        ),
        (
            json!({"alg": "EdDSA", "jwk": jwk(1), "crit": ["x"]}),
            json!({}),
            JwsError::Critical { index, header: "crit" },
        ),
        (
            json!({"alg": "EdDSA", "jwk": jwk(1), "b64": false}),
            json!({}),
            JwsError::Critical { index, header: "b64" },
        ),
    ] {
        assert_eq!(verify(&with_headers(protected, header)), Err(expected));
    }
    for alg in [json!("none"), json!("ES256"), json!("eddsa"), json!(null), json!(1)] {
        let attachment = with_headers(json!({"alg": alg, "jwk": jwk(1)}), json!({}));
        assert!(matches!(verify(&attachment), Err(JwsError::Algorithm { index: 0, .. })));
    }
    let no_alg = with_headers(json!({"jwk": jwk(1)}), json!({}));
    assert!(matches!(verify(&no_alg), Err(JwsError::Algorithm { .. })));
}

#[test]
fn refuses_changed_content_and_shapes() {
    let mut changed = signed(b"did:peer:4zQm");
    changed.data.base64 = Some(base64url::encode(b"did:peer:4zQn"));
    assert_eq!(verify(&changed), Err(JwsError::Signature { index: 0 }));

    let mut unsigned = signed(b"x");
    unsigned.data.jws = None;
    assert_eq!(verify(&unsigned), Err(JwsError::NotSigned));

    let mut json_data = signed(b"x");
    json_data.data.json = json_data.data.base64.take().map(Value::from);
    assert_eq!(verify(&json_data), Err(JwsError::NotSignable));

    let good = signed(b"x").data.jws.unwrap();
    let check = |jws: Value| {
        let mut attachment = signed(b"x");
        attachment.data.jws = Some(jws);
        verify(&attachment)
    };
    let count = |actual| Err(JwsError::SignatureCount { limit: 16, actual });
    assert_eq!(check(json!({"signatures": []})), count(0));
    assert_eq!(check(json!({"signatures": vec![good.clone(); 17]})), count(17));
    // One bad signature among good ones fails all.
    let mut forged = good.clone();
    forged["signature"] = base64url::encode([0; 64]).into();
    let list = json!({"signatures": [good, forged]});
    assert_eq!(check(list), Err(JwsError::Signature { index: 1 }));
    let mut both = good.clone();
    both["signatures"] = json!([good]);
    let shapes = [
        both,
        json!("eyJ.eyJ.x"),
        json!({}),
        json!({"signatures": {}}),
        json!({"signatures": [1]}),
    ];
    for jws in shapes {
        assert!(matches!(check(jws.clone()), Err(JwsError::Shape { .. })), "{jws}");
    }
}

proptest! {
    #[test]
    fn every_change_of_the_jws_is_refused_or_harmless(at in any::<prop::sample::Index>(), with: u8) {
        let mut bytes = signed(b"payload").to_value().to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let Ok(value) = serde_json::from_slice(&bytes) else { return Ok(()) };
        let Ok(attachment) = Attachment::parse(&value) else { return Ok(()) };
        if let Ok(signers) = verify(&attachment) {
            prop_assert_eq!(signers, vec![secret(1).public()]);
            prop_assert_eq!(attachment.content(100).unwrap(), b"payload");
        }
    }
}
