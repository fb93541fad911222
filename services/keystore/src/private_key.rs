//! Private keys in memory.

use entente_did::{KeyType, PublicKey};
use entente_didcomm::primitives::{
    AgreementKey as _, AgreementSecret, Ed25519Secret, SignatureAlgorithm,
};

use crate::seal::{SealError, SecretBytes, random_bytes};

/// A private key, ready to be used. Zeroized on drop; neither `Debug` nor `Clone`.
pub(crate) enum PrivateKey {
    /// With its X25519 form, computed once.
    Ed25519(Box<Ed25519Secret>),
    /// X25519, P-384 and P-521; P-256, which also signs.
    Agreement(Box<AgreementSecret>),
}

impl PrivateKey {
    /// Bytes of a private key; `None` if the type is not one that is kept here.
    pub(crate) fn len(key_type: KeyType) -> Option<usize> {
        match key_type {
            KeyType::Ed25519 => Some(32),
            other => AgreementSecret::secret_len(other),
        }
    }

    /// A fresh key and its bytes.
    pub(crate) fn generate(key_type: KeyType) -> Result<(Self, SecretBytes), SealError> {
        // A draw outside the group's order is possible, once in 2^32 for P-256.
        for _ in 0..8 {
            let mut bytes = random_bytes(Self::len(key_type).unwrap_or_default())?;
            AgreementSecret::mask(key_type, &mut bytes);
            if let Some(key) = Self::from_bytes(key_type, &bytes) {
                return Ok((key, bytes));
            }
        }
        Err(SealError::Randomness)
    }

    /// The key of its bytes: a seed, an X25519 scalar, or a scalar in big-endian order. `None` if they are no scalar of
    /// the curve, or the type is not one that is kept here.
    pub(crate) fn from_bytes(key_type: KeyType, bytes: &[u8]) -> Option<Self> {
        if key_type == KeyType::Ed25519 {
            let seed = bytes.try_into().ok()?;
            return Some(Self::Ed25519(Box::new(Ed25519Secret::from_seed(seed))));
        }
        let secret = AgreementSecret::from_bytes(key_type, bytes).ok()?;
        Some(Self::Agreement(Box::new(secret)))
    }

    /// The public half.
    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => key.public(),
            Self::Agreement(key) => key.public(),
        }
    }

    /// The signature: Ed25519, or ECDSA with P-256 over SHA-256 as r || s. `None` for the types that do not sign.
    pub(crate) fn sign(&self, payload: &[u8]) -> Option<[u8; 64]> {
        match self {
            Self::Ed25519(key) => Some(key.sign(payload)),
            Self::Agreement(key) => key.sign_es256(payload),
        }
    }
}

/// Whether a signature is a key's over a payload; `None` if the key's type does not sign. A key that is no point of
/// its curve has no valid signature.
pub(crate) fn is_signed_by(key: &PublicKey, payload: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let algorithm = SignatureAlgorithm::of(key.key_type())?;
    Some(algorithm.verify(key, payload, signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_checked() {
        let order = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
            0x25, 0x51,
        ];
        for bad in [[0; 32], order, [0xff; 32]] {
            assert!(PrivateKey::from_bytes(KeyType::P256, &bad).is_none());
        }
        let mut last = order;
        last[31] -= 1;
        assert!(PrivateKey::from_bytes(KeyType::P256, &last).is_some());
        for (key_type, len) in [(KeyType::P384, 48), (KeyType::P521, 66)] {
            assert!(PrivateKey::from_bytes(key_type, &vec![0; len]).is_none());
            assert!(PrivateKey::from_bytes(key_type, &vec![0xff; len]).is_none());
        }
        for (key_type, len) in [
            (KeyType::Ed25519, 32),
            (KeyType::X25519, 32),
            (KeyType::P256, 32),
            (KeyType::P384, 48),
            (KeyType::P521, 66),
        ] {
            let mut one = vec![0; len];
            one[len - 1] = 1;
            assert!(PrivateKey::from_bytes(key_type, &one).is_some());
            assert!(PrivateKey::from_bytes(key_type, &one[1..]).is_none());
        }
        assert!(PrivateKey::from_bytes(KeyType::Secp256k1, &[1; 32]).is_none());
        assert!(PrivateKey::generate(KeyType::Secp256k1).is_err());
    }

    #[test]
    fn signatures_verify_under_their_key_only() {
        for key_type in [KeyType::Ed25519, KeyType::P256] {
            let (key, _) = PrivateKey::generate(key_type).unwrap();
            let (other, _) = PrivateKey::generate(key_type).unwrap();
            let signature = key.sign(b"payload").unwrap();
            assert_eq!(is_signed_by(&key.public(), b"payload", &signature), Some(true));
            assert_eq!(is_signed_by(&key.public(), b"payloae", &signature), Some(false));
            assert_eq!(is_signed_by(&other.public(), b"payload", &signature), Some(false));
        }
        for key_type in [KeyType::X25519, KeyType::P384, KeyType::P521] {
            let (key, bytes) = PrivateKey::generate(key_type).unwrap();
            assert_eq!(Some(bytes.len()), PrivateKey::len(key_type));
            assert!(key.sign(b"payload").is_none());
            assert_eq!(is_signed_by(&key.public(), b"payload", &[0; 64]), None);
        }
    }

    #[test]
    fn p256_signs_as_rfc_6979() {
        // RFC 6979, A.2.5: P-256, SHA-256, the message "sample".
        let scalar = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
        let key = PrivateKey::from_bytes(KeyType::P256, &scalar).unwrap();
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
