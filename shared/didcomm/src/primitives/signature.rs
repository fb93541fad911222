//! The signatures of DIDComm v2: EdDSA, ES256 and ES256K.

use entente_did::{KeyType, PublicKey};
use p256::ecdsa::signature::Verifier as _;

use super::CryptoError;

/// The algorithm of a signature: the JWS header `alg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA with P-256 and SHA-256 (RFC 7518).
    Es256,
    /// ECDSA with secp256k1 and SHA-256 (RFC 8812).
    Es256k,
}

impl SignatureAlgorithm {
    /// The name in `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
        }
    }

    /// The algorithm of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Es256k].into_iter().find(|a| a.name() == name)
    }

    /// The algorithm of a type of keys; `None` if they do not sign.
    pub fn of(key_type: KeyType) -> Option<Self> {
        match key_type {
            KeyType::Ed25519 => Some(Self::EdDsa),
            KeyType::P256 => Some(Self::Es256),
            KeyType::Secp256k1 => Some(Self::Es256k),
            _ => None,
        }
    }

    /// Checks a signature: of Ed25519 strictly, of the others r and s. A key that is no point of its curve has no valid
    /// signature.
    ///
    /// # Errors
    /// [`CryptoError::WrongAlgorithm`] for a key of another algorithm; [`CryptoError::Signature`] when the signature
    /// does not verify.
    pub fn verify(
        self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        let valid = match (self, key) {
            (Self::EdDsa, PublicKey::Ed25519(_)) => {
                return super::verify(key, message, signature);
            }
            (Self::Es256, PublicKey::P256(key)) => es256(key, message, signature),
            (Self::Es256k, PublicKey::Secp256k1(key)) => es256k(key, message, signature),
            _ => {
                let (algorithm, key_type) = (self.name(), key.key_type());
                return Err(CryptoError::WrongAlgorithm { algorithm, key_type });
            }
        };
        valid.map_err(|_| CryptoError::Signature)
    }
}

fn es256(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), p256::ecdsa::Error> {
    use p256::ecdsa::{Signature, VerifyingKey};
    VerifyingKey::from_sec1_bytes(key)?.verify(message, &Signature::from_slice(signature)?)
}

/// Of the two values of s that verify, the crate takes the lower only; RFC 8812 has no such rule.
fn es256k(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), k256::ecdsa::Error> {
    use k256::ecdsa::{Signature, VerifyingKey};
    let signature = Signature::from_slice(signature)?.normalize_s();
    VerifyingKey::from_sec1_bytes(key)?.verify(message, &signature)
}

#[cfg(test)]
mod tests;
