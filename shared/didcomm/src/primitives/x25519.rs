use entente_did::PublicKey;
use rand_core::CryptoRng;
use x25519_dalek::{PublicKey as Point, StaticSecret};
use zeroize::Zeroizing;

use super::CryptoError;

/// An X25519 secret and its public key. Zeroized on drop; neither `Debug` nor `Clone`.
pub struct X25519Secret {
    secret: StaticSecret,
    public: [u8; 32],
}

impl X25519Secret {
    /// A secret from its 32 bytes (clamped as RFC 7748 says).
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let secret = StaticSecret::from(bytes);
        let public = Point::from(&secret).to_bytes();
        Self { secret, public }
    }

    /// A secret whose public key is known already, which saves a multiplication.
    pub(super) fn with_public(bytes: [u8; 32], public: [u8; 32]) -> Self {
        Self { secret: StaticSecret::from(bytes), public }
    }

    /// A fresh secret.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self::from_bytes(*bytes)
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey::X25519(self.public)
    }

    pub(super) fn public_bytes(&self) -> &[u8; 32] {
        &self.public
    }

    /// Another holder of the same secret.
    pub(super) fn duplicate(&self) -> Self {
        Self { secret: self.secret.clone(), public: self.public }
    }

    /// The Diffie-Hellman shared secret with a raw X25519 public key (RFC 7748).
    ///
    /// # Errors
    /// [`CryptoError::LowOrder`] when the result is all zero.
    pub fn diffie_hellman(&self, theirs: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let shared = self.secret.diffie_hellman(&Point::from(*theirs));
        if shared.was_contributory() {
            Ok(Zeroizing::new(shared.to_bytes()))
        } else {
            Err(CryptoError::LowOrder)
        }
    }
}
