//! The rules on headers.

use serde_json::{Value, json};

use super::*;
use crate::base64url::encode;
use crate::primitives::{Cek, CryptoError, KeyDerivation};

/// An envelope with its protected header changed; it cannot be opened any more.
fn changed(envelope: &[u8], change: impl FnOnce(&mut Value)) -> Result<Encrypted, EnvelopeError> {
    let (mut outer, mut header) = parts(envelope);
    change(&mut header);
    outer["protected"] = encode(header.to_string()).into();
    match Envelope::peek(outer.to_string().as_bytes())? {
        Envelope::V2(encrypted) => Ok(encrypted),
        other => panic!("{other:?}"),
    }
}

fn auth() -> Vec<u8> {
    authcrypt(MESSAGE, &alice(KeyType::X25519), &bob(KeyType::X25519))
}

fn anon(curve: KeyType) -> Vec<u8> {
    anoncrypt(MESSAGE, &bob(curve), ContentEncryption::A256CbcHs512)
}

fn remove(member: &'static str) -> impl FnOnce(&mut Value) {
    move |header| drop(header.as_object_mut().unwrap().remove(member))
}

#[test]
fn names_the_header_that_is_wrong() {
    let mismatch = |error: EnvelopeError| match error {
        EnvelopeError::HeaderMismatch { header, .. } | EnvelopeError::Header { header, .. } => {
            header
        }
        EnvelopeError::MissingHeader { header, .. } => header,
        other => panic!("{other}"),
    };
    let wrong = |envelope: &[u8], change: Box<dyn FnOnce(&mut Value)>| {
        mismatch(changed(envelope, change).unwrap_err())
    };
    type Change = Box<dyn FnOnce(&mut Value)>;
    let set = |member: &'static str, value: &'static str| -> Change {
        Box::new(move |header: &mut Value| header[member] = value.into())
    };
    for (change, header) in [
        (set("typ", "JWM/1.0"), "typ"),
        (set("alg", "ECDH-ES"), "alg"),
        (set("enc", "A128CBC-HS256"), "enc"),
        // Authcrypt has one cipher.
        (set("enc", "A256GCM"), "enc"),
        (set("enc", "XC20P"), "enc"),
        (set("skid", "did:example:alice#2"), "apu"),
        (set("apu", "ZGlkOmV4YW1wbGU6Y2Fyb2wjMQ"), "apu"),
        (set("apv", "NcsuAnrRfPK69A-rkZ0L9XWUG4jMvNC3Zg74BPz53PA"), "apv"),
        (set("crit", "x"), "crit"),
        (set("zip", "DEF"), "zip"),
        (Box::new(remove("apu")), "protected.apu"),
        (Box::new(remove("apv")), "protected.apv"),
    ] {
        assert_eq!(wrong(&auth(), change), header);
    }
    for member in ["alg", "enc", "epk"] {
        assert!(
            matches!(changed(&auth(), remove(member)), Err(EnvelopeError::Json { .. })),
            "{member}"
        );
    }
    // The media type may lack its first half, or be missing.
    assert!(changed(&auth(), set("typ", "didcomm-encrypted+json")).is_ok());
    assert!(changed(&auth(), remove("typ")).is_ok());
}

#[test]
fn the_ephemeral_key_is_a_point_of_its_curve() {
    for curve in [KeyType::P256, KeyType::P384, KeyType::P521] {
        let off = changed(&anon(curve), |header| {
            let y = crate::base64url::decode(header["epk"]["y"].as_str().unwrap()).unwrap();
            let mut y = y;
            // Another y of the same parity.
            y[20] ^= 1;
            header["epk"]["y"] = encode(y).into();
        });
        assert!(matches!(off, Err(EnvelopeError::EphemeralKey(_))), "{curve}");
        let off = changed(&anon(curve), |header| {
            let len = curve.key_len() - 1;
            // x = p - 1 or so: on none of the curves.
            header["epk"]["x"] = encode(vec![0xff; len]).into();
        });
        assert!(matches!(off, Err(EnvelopeError::EphemeralKey(_))), "{curve}");
    }
    for epk in [
        json!(null),
        json!({}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": encode([7; 32])}),
        json!({"kty": "OKP", "crv": "X25519", "x": encode([7; 31])}),
    ] {
        let bad = changed(&auth(), |header| header["epk"] = epk);
        assert!(matches!(bad, Err(EnvelopeError::EphemeralKey(_))));
    }
}

#[test]
fn a_key_of_low_order_opens_nothing() {
    // The shared secret with it is known to all, so that anybody could have made this envelope.
    for point in [[0; 32], std::array::from_fn(|i| u8::from(i == 0))] {
        let low = json!({"kty": "OKP", "crv": "X25519", "x": encode(point)});
        let envelope = changed(&anon(KeyType::X25519), |header| header["epk"] = low).unwrap();
        let to = bob(KeyType::X25519);
        let recipients = to.private();
        let keys = Keys { recipients: &recipients, ..Keys::default() };
        assert_eq!(envelope.open(&keys).unwrap_err(), EnvelopeError::Decryption);
        assert_eq!(to.0[0].1.agree(&PublicKey::X25519(point)).err(), Some(CryptoError::LowOrder));
    }
}

/// Packs by hand, as someone else would: `header` lacks only `epk` and `apv`.
fn by_hand(mut header: Value, apu: &[u8], tag_in_kdf: bool) -> Vec<u8> {
    let mut rng = rand::rng();
    let (from, to) = (alice(KeyType::X25519), bob(KeyType::X25519));
    let recipient = to.public().remove(0);
    let ephemeral = secret(KeyType::X25519, 77);
    let apv = <sha2::Sha256 as sha2::Digest>::digest(&recipient.kid);
    header["apv"] = encode(apv).into();
    header["epk"] =
        json!({"kty": "OKP", "crv": "X25519", "x": encode(ephemeral.public().as_bytes())});
    let encryption = ContentEncryption::A256CbcHs512;
    header["enc"] = encryption.name().into();
    let protected = encode(header.to_string());
    let cek = Cek::random(encryption, &mut rng);
    let content = encryption.encrypt(&cek, MESSAGE, protected.as_bytes(), &mut rng).unwrap();
    let authcrypt = header["alg"] == "ECDH-1PU+A256KW";
    let derivation = KeyDerivation {
        algorithm: if authcrypt { "ECDH-1PU+A256KW" } else { "ECDH-ES+A256KW" },
        apu,
        apv: &apv,
        tag: tag_in_kdf.then_some(content.tag.as_slice()),
    };
    let fixed = authcrypt.then(|| from.0[0].1.agree(&recipient.key).unwrap());
    let key = derivation.derive(&ephemeral.agree(&recipient.key).unwrap(), fixed.as_ref());
    json!({
        "protected": protected, "iv": encode(content.iv), "ciphertext": encode(content.ciphertext),
        "tag": encode(content.tag), "unprotected": {"ignored": true},
        "recipients": [{"header": {"kid": recipient.kid, "ignored": 1}, "encrypted_key": encode(key.wrap(&cek).unwrap())}],
    })
    .to_string()
    .into_bytes()
}

#[test]
fn a_sender_may_be_named_by_apu_alone() {
    let kid = "did:example:alice#1";
    let (from, to) = (alice(KeyType::X25519), bob(KeyType::X25519));
    let header = json!({"alg": "ECDH-1PU+A256KW", "apu": encode(kid), "ignored": []});
    let opened = open(&by_hand(header.clone(), kid.as_bytes(), true), &to, &from).unwrap();
    assert_eq!((opened.plaintext.as_slice(), opened.sender.unwrap().kid.as_str()), (MESSAGE, kid));
    // Without the tag in the key derivation it is another scheme.
    let other = by_hand(header, kid.as_bytes(), false);
    assert_eq!(open(&other, &to, &from), Err(EnvelopeError::Decryption));
    // Anoncrypt has no sender, whatever `skid` and `apu` say, and no tag in the key derivation.
    let header = json!({"alg": "ECDH-ES+A256KW", "skid": kid, "apu": encode(kid)});
    let opened = open(&by_hand(header.clone(), kid.as_bytes(), false), &to, &from).unwrap();
    assert_eq!((opened.plaintext.as_slice(), opened.sender), (MESSAGE, None));
    assert!(open(&by_hand(header, kid.as_bytes(), true), &to, &from).is_err());
}

#[test]
fn the_flattened_serialisation_is_read() {
    let (mut outer, _) = parts(&auth());
    let recipient = outer["recipients"][0].clone();
    outer.as_object_mut().unwrap().remove("recipients");
    outer["header"] = recipient["header"].clone();
    outer["encrypted_key"] = recipient["encrypted_key"].clone();
    let opened = open(outer.to_string().as_bytes(), &bob(KeyType::X25519), &alice(KeyType::X25519));
    assert_eq!(opened.unwrap().plaintext, MESSAGE);
}

#[test]
fn says_which_member_is_wrong() {
    let with = |change: &dyn Fn(&mut Value)| {
        let (mut outer, _) = parts(&auth());
        change(&mut outer);
        Envelope::peek(outer.to_string().as_bytes()).unwrap_err()
    };
    for member in ["protected", "iv", "tag"] {
        let lacking = with(&|outer| drop(outer.as_object_mut().unwrap().remove(member)));
        assert_eq!(lacking, EnvelopeError::Missing { member });
    }
    for member in ["iv", "ciphertext", "tag"] {
        let bad = with(&|outer| outer[member] = "!".into());
        assert!(matches!(bad, EnvelopeError::Encoding { member: name, .. } if name == member));
    }
    for member in ["iv", "tag"] {
        let short = with(&|outer| outer[member] = "AAAA".into());
        assert!(matches!(short, EnvelopeError::Encoding { member: name, .. } if name == member));
    }
    let key = with(&|outer| outer["recipients"][0]["encrypted_key"] = "AAAA".into());
    assert!(matches!(key, EnvelopeError::Encoding { member: "encrypted_key", .. }));
    let kid = with(&|outer| outer["recipients"][0]["header"] = json!({}));
    assert!(matches!(kid, EnvelopeError::MissingHeader { header: "recipients.header.kid", .. }));
    assert_eq!(with(&|outer| outer["recipients"] = json!([])), EnvelopeError::NoRecipients);
    let many = with(&|outer| outer["recipients"] = vec![outer["recipients"][0].clone(); 65].into());
    assert_eq!(many, EnvelopeError::TooManyRecipients { limit: 64, actual: 65 });
}
