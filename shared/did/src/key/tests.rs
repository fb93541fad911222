use super::*;

const VERKEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";
const DID: &str = "did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

#[test]
fn verkey_and_did_key_are_the_same_key() {
    let key = PublicKey::from_base58_ed25519(VERKEY).unwrap();
    assert_eq!(key.did_key(), DID);
    let multibase = &DID["did:key:".len()..];
    assert_eq!(key.did_key_url(), format!("{DID}#{multibase}"));
    for text in [VERKEY, DID, &key.did_key_url()] {
        assert_eq!(PublicKey::parse_reference(text), Ok(key), "{text}");
    }
    assert_eq!(key.base58(), VERKEY);
}

#[test]
fn derives_the_x25519_key() {
    // did:key specification, Ed25519 with X25519 examples.
    for (ed, x) in [
        (
            "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW",
        ),
        (
            "z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH",
            "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        ),
    ] {
        let x25519 = PublicKey::from_multibase(x).unwrap();
        assert_eq!(PublicKey::from_multibase(ed).unwrap().to_x25519(), Ok(x25519));
        assert_eq!(x25519.to_x25519(), Ok(x25519));
        assert_eq!(PublicKey::from_did_key(&format!("did:key:{ed}#{x}")), Ok(x25519));
    }
}

#[test]
fn p256_has_a_two_byte_codec() {
    let key =
        PublicKey::from_multibase("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv").unwrap();
    assert_eq!(key.key_type(), KeyType::P256);
    assert_eq!(key.multibase(), "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv");
    assert!(matches!(key.to_x25519(), Err(DidError::KeyTypeMismatch { .. })));
}

#[test]
fn every_curve_has_its_codec() {
    // did:key specification, the examples of each curve.
    for (text, key_type) in [
        ("z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9", KeyType::P384),
        (
            "z2J9gaYxrKVpdoG9A4gRnmpnRCcxU6agDtFVVBVdn1JedouoZN7SzcyREXXzWgt3gGiwpoHq7K68X4m32D8HgzG8wv3sY5j7",
            KeyType::P521,
        ),
        ("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", KeyType::Secp256k1),
    ] {
        let key = PublicKey::from_multibase(text).unwrap();
        assert_eq!((key.key_type(), key.as_bytes().len()), (key_type, key_type.key_len()));
        assert_eq!(key.multibase(), text);
        assert_eq!(PublicKey::parse_reference(&key.did_key_url()), Ok(key));
        assert!(matches!(key.to_x25519(), Err(DidError::KeyTypeMismatch { .. })));
        assert!(PublicKey::from_bytes(key_type, &key.as_bytes()[1..]).is_err());
    }
}

#[test]
fn reads_jwks() {
    // DIDComm v2, appendix A: alice#key-3, bob#key-p384-1, bob#key-p521-1.
    for (crv, x, y) in [
        (
            "secp256k1",
            "aToW5EaTq5mlAf8C5ECYDSkqsJycrW-e1SQ6_GJcAOk",
            "JAGX94caA21WKreXwYUaOCYTBMrqaX4KWIlsQZTHWCk",
        ),
        (
            "P-384",
            "MvnE_OwKoTcJVfHyTX-DLSRhhNwlu5LNoQ5UWD9Jmgtdxp_kpjsMuTTBnxg5RF_Y",
            "X_3HJBcKFQEG35PZbEOBn8u9_z8V1F9V1Kv-Vh0aSzmH-y9aOuDJUE3D4Hvmi5l7",
        ),
        (
            "P-521",
            "Af9O5THFENlqQbh2Ehipt1Yf4gAd9RCa3QzPktfcgUIFADMc4kAaYVViTaDOuvVS2vMS1KZe0D5kXedSXPQ3QbHi",
            "ATZVigRQ7UdGsQ9j-omyff6JIeeUv3CBWYsZ0l6x3C_SYqhqVV7dEG-TafCCNiIxs8qeUiXQ8cHWVclqkH4Lo1qH",
        ),
    ] {
        let jwk = |x: &str, y: &str| serde_json::json!({"kty": "EC", "crv": crv, "x": x, "y": y, "use": "enc"});
        let key = PublicKey::from_jwk(&jwk(x, y)).unwrap();
        // Each of these has an odd y.
        assert_eq!((key.key_type().to_string().as_str(), key.as_bytes()[0]), (crv, 3));
        assert!(PublicKey::from_jwk(&jwk(x, &y[4..])).is_err());
        assert!(PublicKey::from_jwk(&jwk(&x[4..], y)).is_err());
        assert!(PublicKey::from_jwk(&jwk(&format!("{x}{x}"), y)).is_err());
    }
    for jwk in ["{}", "[]", r#"{"kty":"EC","crv":"Ed25519","x":"","y":""}"#, r#"{"kty":"oct"}"#] {
        assert!(PublicKey::from_jwk(&serde_json::from_str(jwk).unwrap()).is_err(), "{jwk}");
    }
}

#[test]
fn refuses_what_is_no_key() {
    let z = |bytes: &[u8]| format!("z{}", bs58::encode(bytes).into_string());
    let short = [&[0xed, 0x01][..], &[7; 31]].concat();
    assert_eq!(
        PublicKey::from_multibase(&z(&short)),
        Err(DidError::KeyLength { key_type: KeyType::Ed25519, expected: 32, actual: 31 })
    );
    let bls12_381 = [&[0xea, 0x01][..], &[2; 48]].concat();
    assert_eq!(
        PublicKey::from_multibase(&z(&bls12_381)),
        Err(DidError::KeyTypeUnsupported { codec: 0xea })
    );
    let uncompressed = [&[0x80, 0x24, 0x04][..], &[2; 32]].concat();
    assert!(matches!(
        PublicKey::from_multibase(&z(&uncompressed)),
        Err(DidError::KeyEncoding { .. })
    ));
    let overlong_varint = [&[0xed, 0x81, 0x00][..], &[7; 32]].concat();
    assert!(PublicKey::from_multibase(&z(&overlong_varint)).is_err());
    for text in ["", "z", "did:key:", "did:key:z#", "did:web:x", "0OIl", "zé"] {
        assert!(PublicKey::parse_reference(text).is_err(), "{text:?}");
    }
    assert!(matches!(
        PublicKey::parse_reference(&"1".repeat(1 << 20)),
        Err(DidError::TooLarge { .. })
    ));
    let other = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
    assert!(matches!(
        PublicKey::from_did_key(&format!("{DID}#{other}")),
        Err(DidError::InvalidDidUrl { .. })
    ));
}

#[test]
fn refuses_points_that_leak_the_secret() {
    // y = 2 is no point of the curve; y = 1 is the identity, y = 0 has order 4, y = -1 order 2.
    let mut y2 = [0; 32];
    y2[0] = 2;
    assert_eq!(PublicKey::Ed25519(y2).to_x25519(), Err(DidError::KeyOffCurve));
    let mut y1 = [0; 32];
    y1[0] = 1;
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    for bytes in [y1, [0; 32], minus_one] {
        assert_eq!(PublicKey::Ed25519(bytes).to_x25519(), Err(DidError::KeyLowOrder));
        assert_eq!(PublicKey::X25519(bytes).to_x25519(), Err(DidError::KeyLowOrder));
    }
    // The two points of order 8 (RFC 7748 implementations' well-known list).
    for hex in [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ] {
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
        }
        assert_eq!(PublicKey::X25519(bytes).to_x25519(), Err(DidError::KeyLowOrder));
    }
    let mut nine = [0; 32];
    nine[0] = 9;
    assert!(PublicKey::X25519(nine).to_x25519().is_ok());
}
