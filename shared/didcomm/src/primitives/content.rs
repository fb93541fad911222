//! The content cipher of RFC 0019: ChaCha20-Poly1305 (RFC 8439), whatever its `enc` says.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::CryptoError;

/// The key of one message's content. Zeroized on drop; neither `Debug` nor `Clone`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; 32]);

/// An encrypted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The nonce.
    pub iv: [u8; 12],
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
    /// The authentication tag.
    pub tag: [u8; 16],
}

impl ContentKey {
    /// A fresh key, to be used for one message.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The key from its bytes.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`] unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        bytes.try_into().map(Self).map_err(|_| CryptoError::Decryption)
    }

    /// The key's bytes, to be encrypted for a recipient.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts under a random nonce, and authenticates `aad` with it.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`] never happens below 256 GiB.
    pub fn encrypt(
        &self,
        plaintext: &[u8],
        aad: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, CryptoError> {
        let mut iv = [0; 12];
        rng.fill_bytes(&mut iv);
        let mut ciphertext = plaintext.to_vec();
        let tag = ChaCha20Poly1305::new(&self.0.into())
            .encrypt_inout_detached(&iv.into(), aad, ciphertext.as_mut_slice().into())
            .map_err(|_| CryptoError::Decryption)?;
        Ok(Sealed { iv, ciphertext, tag: tag.into() })
    }

    /// Decrypts and checks `aad`.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`].
    pub fn decrypt(&self, sealed: &Sealed, aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut plaintext = Zeroizing::new(sealed.ciphertext.clone());
        ChaCha20Poly1305::new(&self.0.into())
            .decrypt_inout_detached(
                &sealed.iv.into(),
                aad,
                plaintext.as_mut_slice().into(),
                &sealed.tag.into(),
            )
            .map_err(|_| CryptoError::Decryption)?;
        Ok(std::mem::take(&mut plaintext))
    }
}
