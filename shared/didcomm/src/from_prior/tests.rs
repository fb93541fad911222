use entente_did::{PublicKey, create, resolve_offline};
use proptest::prelude::*;

use super::*;
use crate::primitives::Ed25519Secret;

const NOW: i64 = 1_718_621_260;

fn secret(n: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([n; 32])
}

/// A DID with an X25519 key, `#key-1`, and an Ed25519 key, `#key-2`.
fn did_of(n: u8) -> Did {
    let signing = secret(n).public();
    create::v2_peer2(&signing.to_x25519().unwrap(), &signing, "http://x", &[]).unwrap()
}

fn document(did: &Did) -> Document {
    resolve_offline(did).unwrap().unwrap()
}

fn rotation() -> FromPrior {
    FromPrior { prior: did_of(1), new: Some(did_of(2)), rotated_at: NOW }
}

fn signed(from_prior: &FromPrior) -> String {
    let unsigned = from_prior.unsigned(&format!("{}#key-2", from_prior.prior));
    let signature = secret(1).sign(unsigned.bytes());
    unsigned.with_signature(signature)
}

/// A JWT of these parts, signed by the prior DID.
fn jwt(header: Value, payload: Value) -> String {
    let encode = |json: Value| base64url::encode(json.to_string());
    let input = format!("{}.{}", encode(header), encode(payload));
    format!("{input}.{}", base64url::encode(secret(1).sign(input.as_bytes())))
}

fn header() -> Value {
    json!({"typ": "JWT", "alg": "EdDSA", "crv": "ED25519", "kid": format!("{}#key-2", did_of(1))})
}

fn payload() -> Value {
    json!({"iss": did_of(1), "sub": did_of(2), "iat": NOW})
}

fn verify(jwt: &str) -> Result<FromPrior, FromPriorError> {
    Claim::parse(jwt)?.verify(&document(&did_of(1)), Some(&did_of(2)), NOW)
}

#[test]
fn what_is_signed_verifies() {
    let claim = Claim::parse(&signed(&rotation())).unwrap();
    assert_eq!(claim.prior(), &did_of(1));
    assert_eq!(claim.kid(), format!("{}#key-2", did_of(1)));
    assert_eq!(claim.verify(&document(&did_of(1)), Some(&did_of(2)), NOW), Ok(rotation()));
    assert_eq!(verify(&jwt(header(), payload())), Ok(rotation()));
    // Other libraries write these, too, and none goes by them.
    let mut more = payload();
    for (member, value) in [("aud", json!("123")), ("exp", json!(1)), ("nbf", json!(NOW + 1000))] {
        more[member] = value;
    }
    assert_eq!(verify(&jwt(header(), more)), Ok(rotation()));
}

#[test]
fn the_end_of_a_relationship_has_no_new_did() {
    let end = FromPrior { new: None, ..rotation() };
    let verify = |from: Option<&Did>, jwt: &str| {
        Claim::parse(jwt).unwrap().verify(&document(&did_of(1)), from, NOW)
    };
    assert_eq!(verify(None, &signed(&end)), Ok(end.clone()));
    let sender = did_of(2);
    assert_eq!(verify(Some(&sender), &signed(&end)), Err(FromPriorError::NotTheSender));
    assert_eq!(verify(None, &signed(&rotation())), Err(FromPriorError::NotTheSender));
}

#[test]
fn only_the_prior_did_may_name_the_sender() {
    let verify = |document: &Document, from: &Did| {
        Claim::parse(&signed(&rotation())).unwrap().verify(document, Some(from), NOW)
    };
    let (prior, new, other) = (did_of(1), did_of(2), did_of(3));
    assert_eq!(verify(&document(&prior), &other), Err(FromPriorError::NotTheSender));
    assert_eq!(verify(&document(&other), &new), Err(FromPriorError::ForeignDocument));
    let mut without = document(&prior);
    without.authentication.clear();
    assert_eq!(verify(&without, &new), Err(FromPriorError::UnknownKey));
    let unsigned = rotation().unsigned(&format!("{prior}#key-2"));
    let forged = secret(3).sign(unsigned.bytes());
    let forged = Claim::parse(&unsigned.with_signature(forged)).unwrap();
    let refused = forged.verify(&document(&prior), Some(&new), NOW);
    assert!(matches!(refused, Err(FromPriorError::Signature(_))));
}

#[test]
fn both_forms_of_a_peer4_are_one_did() {
    let keys = |n| (secret(n).public().to_x25519().unwrap(), secret(n).public());
    let peer4 = |(agreement, signing): (PublicKey, PublicKey)| {
        create::v2_peer4(&agreement, &signing, "http://x", &[]).unwrap()
    };
    let (prior, new) = (peer4(keys(1)), peer4(keys(2)));
    let from_prior = FromPrior { prior: prior.short.clone(), new: Some(new.long), rotated_at: NOW };
    let claim = Claim::parse(&signed(&from_prior)).unwrap();
    assert_eq!(claim.verify(&document(&prior.long), Some(&new.short), NOW), Ok(from_prior));
}

#[test]
fn names_what_is_wrong() {
    let changed = |mut part: Value, member: &str, value: Value| {
        part[member] = value;
        part
    };
    for (jwt, expected) in [
        ("a.b".to_owned(), "header.payload.signature"),
        ("".to_owned(), "header.payload.signature"),
        ("*.e30.AA".to_owned(), "the header of `from_prior` is not base64url"),
        ("W10.e30.AA".to_owned(), "the header of `from_prior`: not a JSON object"),
        (
            jwt(changed(header(), "alg", json!("none")), payload()),
            "`alg` of `from_prior` is \"none\"",
        ),
        (jwt(changed(header(), "alg", json!(null)), payload()), "`alg` of `from_prior` must be"),
        (jwt(changed(header(), "crit", json!(["b64"])), payload()), "`crit`"),
        (jwt(changed(header(), "kid", json!("#key-2")), payload()), "`kid`"),
        (
            jwt(changed(header(), "kid", json!(format!("{}#key-2", did_of(3)))), payload()),
            "not a key of `iss`",
        ),
        (
            jwt(changed(header(), "kid", json!(format!("{}#key-1", did_of(1)))), payload()),
            "no key in `authentication`",
        ),
        (jwt(header(), changed(payload(), "iss", json!("x"))), "`iss`"),
        (jwt(header(), changed(payload(), "sub", json!(1))), "`sub`"),
        (jwt(header(), changed(payload(), "iat", json!("soon"))), "`iat`"),
        (jwt(header(), changed(payload(), "iat", json!(NOW + 301))), "in the future"),
        (format!("{}A", signed(&rotation())), "the signature of `from_prior` is not base64url"),
        ("x".repeat(MAX_BYTES + 1), "at most"),
    ] {
        let error = verify(&jwt).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    assert!(verify(&jwt(header(), changed(payload(), "iat", json!(NOW + 299)))).is_ok());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,40}(\\.[a-zA-Z0-9_-]{0,20}){0,3}") {
        let _ = Claim::parse(&text);
    }

    #[test]
    fn no_change_goes_unseen(at in any::<prop::sample::Index>(), with in "[a-zA-Z0-9_.-]") {
        let original = signed(&rotation());
        let at = at.index(original.len());
        let mut changed = original.clone();
        changed.replace_range(at..=at, &with);
        prop_assert_eq!(verify(&changed).is_ok(), changed == original);
    }
}
