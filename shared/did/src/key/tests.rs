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
fn refuses_what_is_no_key() {
    let z = |bytes: &[u8]| format!("z{}", bs58::encode(bytes).into_string());
    let short = [&[0xed, 0x01][..], &[7; 31]].concat();
    assert_eq!(
        PublicKey::from_multibase(&z(&short)),
        Err(DidError::KeyLength { key_type: KeyType::Ed25519, expected: 32, actual: 31 })
    );
    let secp256k1 = [&[0xe7, 0x01][..], &[2; 33]].concat();
    assert_eq!(
        PublicKey::from_multibase(&z(&secp256k1)),
        Err(DidError::KeyTypeUnsupported { codec: 0xe7 })
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
