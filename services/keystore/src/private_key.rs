//! Private keys in memory.

use entente_did::{DidError, KeyType, PublicKey};
use entente_didcomm::primitives::{Ed25519Secret, X25519Secret, verify};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use crate::seal::{SealError, Secret32, random};

/// A private key, ready to be used. Zeroized on drop; neither `Debug` nor `Clone`.
pub(crate) enum PrivateKey {
    /// With its X25519 form, computed once.
    Ed25519(Box<Ed25519Secret>),
    X25519(Box<X25519Secret>),
    P256(Box<SigningKey>),
}

impl PrivateKey {
    /// A fresh key and its 32 bytes.
    pub(crate) fn generate(key_type: KeyType) -> Result<(Self, Secret32), SealError> {
        // For P-256 a draw outside the group's order is possible, once in 2^32.
        for _ in 0..8 {
            let bytes = random()?;
            if let Some(key) = Self::from_bytes(key_type, &bytes) {
                return Ok((key, bytes));
            }
        }
        Err(SealError::Randomness)
    }

    /// The key of 32 bytes: a seed, an X25519 scalar, or a P-256 scalar in big-endian order.
    /// `None` if they are no scalar of P-256, or the type is not one that is kept here.
    pub(crate) fn from_bytes(key_type: KeyType, bytes: &Secret32) -> Option<Self> {
        match key_type {
            KeyType::Ed25519 => Some(Self::Ed25519(Box::new(Ed25519Secret::from_seed(**bytes)))),
            KeyType::X25519 => Some(Self::X25519(Box::new(X25519Secret::from_bytes(**bytes)))),
            KeyType::P256 => {
                SigningKey::from_slice(bytes.as_slice()).ok().map(|key| Self::P256(Box::new(key)))
            }
            _ => None,
        }
    }

    /// The public half.
    pub(crate) fn public(&self) -> Result<PublicKey, DidError> {
        match self {
            Self::Ed25519(key) => Ok(key.public()),
            Self::X25519(key) => Ok(key.public()),
            Self::P256(key) => PublicKey::from_bytes(
                KeyType::P256,
                key.verifying_key().to_sec1_point(true).as_bytes(),
            ),
        }
    }

    /// The signature: Ed25519, or ECDSA over SHA-256 as r || s. `None` for X25519, which does not sign.
    pub(crate) fn sign(&self, payload: &[u8]) -> Option<[u8; 64]> {
        match self {
            Self::Ed25519(key) => Some(key.sign(payload)),
            Self::P256(key) => {
                let signature: Signature = key.try_sign(payload).ok()?;
                Some(signature.to_bytes().into())
            }
            Self::X25519(_) => None,
        }
    }
}

/// Whether a signature is a key's over a payload; `None` if the key's type does not sign. A key that is no point of
/// its curve has no valid signature.
pub(crate) fn is_signed_by(key: &PublicKey, payload: &[u8], signature: &[u8; 64]) -> Option<bool> {
    match key {
        PublicKey::Ed25519(_) => Some(verify(key, payload, signature).is_ok()),
        PublicKey::P256(bytes) => Some(
            VerifyingKey::from_sec1_bytes(bytes)
                .and_then(|key| key.verify(payload, &Signature::from_slice(signature)?))
                .is_ok(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn p256_scalars_are_checked() {
        let order = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
            0x25, 0x51,
        ];
        for bad in [[0; 32], order, [0xff; 32]] {
            assert!(PrivateKey::from_bytes(KeyType::P256, &Zeroizing::new(bad)).is_none());
        }
        let mut last = order;
        last[31] -= 1;
        assert!(PrivateKey::from_bytes(KeyType::P256, &Zeroizing::new(last)).is_some());
    }

    #[test]
    fn signatures_verify_under_their_key_only() {
        for key_type in [KeyType::Ed25519, KeyType::P256] {
            let (key, _) = PrivateKey::generate(key_type).unwrap();
            let (other, _) = PrivateKey::generate(key_type).unwrap();
            let signature = key.sign(b"payload").unwrap();
            assert_eq!(is_signed_by(&key.public().unwrap(), b"payload", &signature), Some(true));
            assert_eq!(is_signed_by(&key.public().unwrap(), b"payloae", &signature), Some(false));
            assert_eq!(is_signed_by(&other.public().unwrap(), b"payload", &signature), Some(false));
        }
        let (key, _) = PrivateKey::generate(KeyType::X25519).unwrap();
        assert!(key.sign(b"payload").is_none());
        assert_eq!(is_signed_by(&key.public().unwrap(), b"payload", &[0; 64]), None);
    }

    #[test]
    fn p256_signs_as_rfc_6979() {
        // RFC 6979, A.2.5: P-256, SHA-256, the message "sample".
        let scalar = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let key = PrivateKey::from_bytes(KeyType::P256, &Zeroizing::new(scalar)).unwrap();
        let signature = key.sign(b"sample").unwrap();
        assert_eq!(
            signature[..32],
            hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716")
        );
    }

    fn hex(text: &str) -> [u8; 32] {
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }
}
