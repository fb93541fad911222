use super::*;

const TYPES: [KeyType; 4] = [KeyType::X25519, KeyType::P256, KeyType::P384, KeyType::P521];

#[test]
fn both_sides_agree() {
    let mut rng = rand::rng();
    for key_type in TYPES {
        let (a, b) = (
            AgreementSecret::random(key_type, &mut rng).unwrap(),
            AgreementSecret::random(key_type, &mut rng).unwrap(),
        );
        assert_eq!(a.public().key_type(), key_type);
        let (ab, ba) = (a.agree(&b.public()).unwrap(), b.agree_static(&a.public()).unwrap());
        assert_eq!(ab.as_bytes(), ba.as_bytes());
        assert_eq!(ab.as_bytes().len(), AgreementSecret::secret_len(key_type).unwrap());
        for other in TYPES.into_iter().filter(|other| *other != key_type) {
            let other = AgreementSecret::random(other, &mut rng).unwrap();
            let mismatch = a.agree(&other.public()).err();
            assert!(matches!(mismatch, Some(CryptoError::CurveMismatch { .. })));
        }
    }
}

#[test]
fn leading_zeros_are_kept() {
    // NIST CAVS 14.1, KAS ECC CDH, P-521, COUNT = 0: the shared secret begins with a zero byte, as 7 bits are not used.
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    };
    let secret = hex(concat!(
        "0000017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4ea",
        "c6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5ce31ddcb6f9edb4d6fc47"
    ));
    let x = hex(concat!(
        "000000685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a949034085433",
        "4b1e1b87fa395464c60626124a4e70d0f785601d37c09870ebf176666877a2046d"
    ));
    let y = hex(concat!(
        "000001ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83",
        "bde99e0f6716939e632bc8986fa18dccd443a348b6c3e522497955a4f3c302f676"
    ));
    let expected = hex(concat!(
        "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e136672d7",
        "2cc770742d1711c3c3a4c334a0ad9759436a4d3c5bf6e74b9578fac148c831"
    ));
    let ours = AgreementSecret::from_bytes(KeyType::P521, &secret[secret.len() - 66..]).unwrap();
    let theirs = [&[2 | (y[y.len() - 1] & 1)], &x[x.len() - 66..]].concat();
    let theirs = PublicKey::from_bytes(KeyType::P521, &theirs).unwrap();
    assert_eq!(coordinates(&theirs).unwrap().1.unwrap(), y[y.len() - 66..]);
    assert_eq!(ours.agree(&theirs).unwrap().as_bytes(), expected);
}

#[test]
fn what_is_no_key_is_refused() {
    let mut rng = rand::rng();
    for key_type in [KeyType::Ed25519, KeyType::Secp256k1] {
        assert_eq!(AgreementSecret::secret_len(key_type), None);
        let refused = AgreementSecret::random(key_type, &mut rng).err();
        assert_eq!(refused, Some(CryptoError::NotForAgreement(key_type)));
        assert!(AgreementSecret::from_bytes(key_type, &[1; 32]).is_err());
    }
    for key_type in TYPES {
        for len in [0, 31, 33, 47, 65, 67] {
            let refused = AgreementSecret::from_bytes(key_type, &vec![1; len]).err();
            assert_eq!(refused, Some(CryptoError::Secret(key_type)));
        }
    }
    let ours = AgreementSecret::random(KeyType::P384, &mut rng).unwrap();
    let off_curve =
        PublicKey::from_bytes(KeyType::P384, &[&[2][..], &[0xff; 48]].concat()).unwrap();
    assert!(matches!(ours.agree(&off_curve), Err(CryptoError::PublicKey(_))));
    assert!(coordinates(&off_curve).is_err());
}

#[test]
fn only_p256_signs() {
    for key_type in TYPES {
        let secret = AgreementSecret::random(key_type, &mut rand::rng()).unwrap();
        assert_eq!(secret.sign_es256(b"message").is_some(), key_type == KeyType::P256);
    }
}
