use super::*;

fn secret(n: u8) -> X25519Secret {
    X25519Secret::from_bytes([n; 32])
}

#[test]
fn box_opens_on_the_other_side_only() {
    let (alice, bob, eve) = (secret(1), secret(2), secret(3));
    let nonce = [9; 24];
    let boxed = BoxKey::agree(&alice, &bob.public()).unwrap().encrypt(b"cek", &nonce);
    let open = |who: &X25519Secret, boxed: &[u8], nonce: &[u8; 24]| {
        BoxKey::agree(who, &alice.public()).unwrap().decrypt(boxed, nonce)
    };
    assert_eq!(**open(&bob, &boxed, &nonce).unwrap(), *b"cek");
    assert_eq!(open(&eve, &boxed, &nonce).unwrap_err(), CryptoError::Decryption);
    assert_eq!(open(&bob, &boxed, &[8; 24]).unwrap_err(), CryptoError::Decryption);
    assert_eq!(open(&bob, &boxed[..15], &nonce).unwrap_err(), CryptoError::Decryption);
}

#[test]
fn sealed_box_of_any_short_length_is_refused() {
    let bob = secret(2);
    let mut rng = rand::rng();
    let sealed = seal(b"", &bob.public(), &mut rng).unwrap();
    assert_eq!(sealed.len(), SEAL_OVERHEAD);
    assert!(seal_open(&sealed, &bob).unwrap().is_empty());
    for len in 0..sealed.len() {
        assert!(seal_open(&sealed[..len], &bob).is_err(), "{len}");
    }
}

#[test]
fn low_order_keys_make_no_box() {
    let bob = secret(2);
    for low in [[0; 32], one(), [0xff; 32]] {
        // p - 1, p and p + 1 are of low order too; 2^256 - 1 reduces to 2^255 - 1 = 18 and is not.
        let made = BoxKey::agree(&bob, &PublicKey::X25519(low));
        assert_eq!(made.is_err(), low != [0xff; 32]);
    }
    let mut sealed = vec![0; 32];
    sealed.extend_from_slice(&[0; 16]);
    assert_eq!(seal_open(&sealed, &bob).unwrap_err(), CryptoError::LowOrder);
    assert!(BoxKey::agree(&bob, &PublicKey::Ed25519(one())).is_err());
    assert!(BoxKey::agree(&bob, &PublicKey::P256([2; 33])).is_err());
}

fn one() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}
