use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use entente_did::PublicKey;
use zeroize::Zeroizing;

use super::{CryptoError, X25519Secret};

/// An Ed25519 secret with its X25519 form, computed once (libsodium's
/// `crypto_sign_ed25519_sk_to_curve25519`). Zeroized on drop; neither `Debug` nor `Clone`.
pub struct Ed25519Secret {
    signing: SigningKey,
    agreement: X25519Secret,
}

impl Ed25519Secret {
    /// The secret of a 32-byte seed (RFC 8032's private key).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let signing = SigningKey::from_bytes(&seed);
        let scalar = Zeroizing::new(signing.to_scalar_bytes());
        let public = signing.verifying_key().to_montgomery().to_bytes();
        let agreement = X25519Secret::with_public(*scalar, public);
        Self { signing, agreement }
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(self.signing.verifying_key().to_bytes())
    }

    /// The Ed25519 signature of `message` (RFC 8032, deterministic).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// The key-agreement form of this secret, for one who keeps it apart.
    pub fn to_x25519(&self) -> X25519Secret {
        self.agreement.duplicate()
    }

    pub(super) fn agreement(&self) -> &X25519Secret {
        &self.agreement
    }
}

/// Checks an Ed25519 signature strictly: canonical encodings only, no key or point of small order.
///
/// # Errors
/// [`CryptoError::NotEd25519`] for another type of key; [`CryptoError::Signature`] when it does not verify.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), CryptoError> {
    let PublicKey::Ed25519(bytes) = key else {
        return Err(CryptoError::NotEd25519(key.key_type()));
    };
    VerifyingKey::from_bytes(bytes)
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .map_err(|_| CryptoError::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies_only_what_was_signed() {
        let secret = Ed25519Secret::from_seed([7; 32]);
        let signature = secret.sign(b"hello");
        assert_eq!(verify(&secret.public(), b"hello", &signature), Ok(()));
        assert_eq!(verify(&secret.public(), b"hellp", &signature), Err(CryptoError::Signature));
        let other = Ed25519Secret::from_seed([8; 32]).public();
        assert_eq!(verify(&other, b"hello", &signature), Err(CryptoError::Signature));
    }

    #[test]
    fn x25519_form_matches_the_public_conversion() {
        for n in 0..16 {
            let secret = Ed25519Secret::from_seed([n; 32]);
            assert_eq!(secret.public().to_x25519().unwrap(), secret.to_x25519().public());
            let recomputed = X25519Secret::from_bytes(secret.signing.to_scalar_bytes());
            assert_eq!(recomputed.public(), secret.to_x25519().public());
        }
    }

    #[test]
    fn small_order_key_verifies_nothing() {
        // The identity as a key, with R the identity and s = 0, passes a check that is not strict.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = PublicKey::Ed25519(identity);
        assert_eq!(verify(&key, b"anything", &signature), Err(CryptoError::Signature));
    }
}
