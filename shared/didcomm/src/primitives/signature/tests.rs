use k256::ecdsa::signature::Signer as _;

use super::*;

#[test]
fn either_s_of_es256k_is_taken() {
    let secret = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let public = secret.verifying_key().to_sec1_point(true);
    let public = PublicKey::from_bytes(KeyType::Secp256k1, public.as_bytes()).unwrap();
    let low: k256::ecdsa::Signature = secret.sign(b"message");
    let (r, s) = low.split_scalars();
    let high = k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    assert_ne!(low, high);
    for signature in [low, high] {
        let bytes: [u8; 64] = signature.to_bytes().into();
        assert_eq!(SignatureAlgorithm::Es256k.verify(&public, b"message", &bytes), Ok(()));
        let other = SignatureAlgorithm::Es256k.verify(&public, b"another", &bytes);
        assert_eq!(other, Err(CryptoError::Signature));
        let wrong = SignatureAlgorithm::Es256.verify(&public, b"message", &bytes);
        assert!(matches!(wrong, Err(CryptoError::WrongAlgorithm { .. })));
    }
}

#[test]
fn what_is_no_point_signs_nothing() {
    let mut off = [0xff; 33];
    off[0] = 2;
    for (algorithm, key) in [
        (SignatureAlgorithm::EdDsa, PublicKey::Ed25519([2; 32])),
        (SignatureAlgorithm::Es256, PublicKey::P256(off)),
        (SignatureAlgorithm::Es256k, PublicKey::Secp256k1(off)),
    ] {
        assert_eq!(SignatureAlgorithm::of(key.key_type()), Some(algorithm));
        assert_eq!(SignatureAlgorithm::from_name(algorithm.name()), Some(algorithm));
        for signature in [[0; 64], [1; 64], [0xff; 64]] {
            assert_eq!(algorithm.verify(&key, b"", &signature), Err(CryptoError::Signature));
        }
    }
    assert_eq!(SignatureAlgorithm::of(KeyType::X25519), None);
}
