//! NaCl's crypto_box and libsodium's crypto_box_seal: X25519, HSalsa20, XSalsa20-Poly1305, BLAKE2b.

use blake2::digest::consts::U24;
use blake2::{Blake2b, Digest as _};
use entente_did::PublicKey;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use rand_core::CryptoRng;
use salsa20::XSalsa20;
use salsa20::cipher::consts::U10;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{CryptoError, Ed25519Secret, X25519Secret};

/// Bytes that a box adds to its message: the tag.
pub const BOX_OVERHEAD: usize = 16;
/// Bytes that a sealed box adds to its message: the ephemeral public key and the tag.
pub const SEAL_OVERHEAD: usize = 48;

/// The precomputed key of crypto_box between one secret and one public key (`crypto_box_beforenm`),
/// together with the public key's X25519 form.
///
/// It may be cached and cloned by whoever may hold the secret itself: it opens every box between the
/// two keys. Zeroized on drop, and not `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BoxKey {
    key: [u8; 32],
    theirs: [u8; 32],
}

impl BoxKey {
    /// The key between our secret and their public key, Ed25519 or X25519.
    ///
    /// # Errors
    /// [`CryptoError::PublicKey`] for a key that is no point or of another type,
    /// [`CryptoError::LowOrder`] for one of low order.
    pub fn agree(ours: &X25519Secret, theirs: &PublicKey) -> Result<Self, CryptoError> {
        Self::agree_x25519(ours, x25519_bytes(theirs)?)
    }

    fn agree_x25519(ours: &X25519Secret, theirs: [u8; 32]) -> Result<Self, CryptoError> {
        let shared = ours.diffie_hellman(&theirs)?;
        let key = salsa20::hsalsa::<U10>(&(*shared).into(), &[0; 16].into());
        Ok(Self { key: key.into(), theirs })
    }

    /// The other side's public key, as X25519.
    pub fn their_public(&self) -> PublicKey {
        PublicKey::X25519(self.theirs)
    }

    /// Encrypts: tag, then ciphertext, as `crypto_box_easy` lays them out.
    pub fn encrypt(&self, plaintext: &[u8], nonce: &[u8; 24]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plaintext.len() + BOX_OVERHEAD);
        out.extend_from_slice(&[0; BOX_OVERHEAD]);
        out.extend_from_slice(plaintext);
        if let Some((tag, body)) = out.split_first_chunk_mut::<BOX_OVERHEAD>() {
            let (mut stream, mac) = self.start(nonce);
            stream.apply_keystream(body);
            *tag = mac.compute_unpadded(body).into();
        }
        out
    }

    /// Decrypts what [`BoxKey::encrypt`] of the other side wrote.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`].
    pub fn decrypt(
        &self,
        boxed: &[u8],
        nonce: &[u8; 24],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (tag, body) =
            boxed.split_first_chunk::<BOX_OVERHEAD>().ok_or(CryptoError::Decryption)?;
        let (mut stream, mac) = self.start(nonce);
        let expected: [u8; BOX_OVERHEAD] = mac.compute_unpadded(body).into();
        if !bool::from(expected.ct_eq(tag)) {
            return Err(CryptoError::Decryption);
        }
        let mut plaintext = Zeroizing::new(body.to_vec());
        stream.apply_keystream(&mut plaintext);
        Ok(plaintext)
    }

    /// The stream behind its first 32 bytes, which are the authenticator's key.
    fn start(&self, nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
        let mut stream = XSalsa20::new(&self.key.into(), &(*nonce).into());
        let mut mac_key = Zeroizing::new([0; 32]);
        stream.apply_keystream(mac_key.as_mut());
        (stream, Poly1305::new(&(*mac_key).into()))
    }
}

/// One of our static keys, able to make box keys. [`Ed25519Secret`] is one; a keystore may wrap it in a
/// type that remembers the box keys and so saves the multiplication for each message between the same
/// two keys.
pub trait StaticKey {
    /// Our Ed25519 public key.
    fn public(&self) -> PublicKey;

    /// Our key-agreement secret.
    fn agreement(&self) -> &X25519Secret;

    /// The box key with a peer's key (Ed25519 or X25519). The one method worth overriding, with a cache.
    ///
    /// # Errors
    /// As [`BoxKey::agree`].
    fn box_key(&self, theirs: &PublicKey) -> Result<BoxKey, CryptoError> {
        BoxKey::agree(self.agreement(), theirs)
    }
}

impl StaticKey for Ed25519Secret {
    fn public(&self) -> PublicKey {
        Ed25519Secret::public(self)
    }

    fn agreement(&self) -> &X25519Secret {
        Ed25519Secret::agreement(self)
    }
}

/// libsodium's crypto_box_seal: to a public key, from nobody. The result is the ephemeral public key,
/// the tag and the ciphertext.
///
/// # Errors
/// As [`BoxKey::agree`].
pub fn seal(
    plaintext: &[u8],
    theirs: &PublicKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, CryptoError> {
    let theirs = x25519_bytes(theirs)?;
    let ephemeral = X25519Secret::random(rng);
    let key = BoxKey::agree_x25519(&ephemeral, theirs)?;
    let nonce = seal_nonce(ephemeral.public_bytes(), &theirs);
    let mut out = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD);
    out.extend_from_slice(ephemeral.public_bytes());
    out.extend_from_slice(&key.encrypt(plaintext, &nonce));
    Ok(out)
}

/// Opens what [`seal`] made for our public key.
///
/// # Errors
/// [`CryptoError::Decryption`]; [`CryptoError::LowOrder`] for an ephemeral key of low order.
pub fn seal_open(sealed: &[u8], ours: &X25519Secret) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (ephemeral, boxed) = sealed.split_first_chunk::<32>().ok_or(CryptoError::Decryption)?;
    let nonce = seal_nonce(ephemeral, ours.public_bytes());
    BoxKey::agree_x25519(ours, *ephemeral)?.decrypt(boxed, &nonce)
}

fn seal_nonce(ephemeral: &[u8; 32], theirs: &[u8; 32]) -> [u8; 24] {
    Blake2b::<U24>::new().chain_update(ephemeral).chain_update(theirs).finalize().into()
}

fn x25519_bytes(key: &PublicKey) -> Result<[u8; 32], CryptoError> {
    match key {
        // Low order is found by the shared secret itself, at no further cost.
        PublicKey::X25519(bytes) => Ok(*bytes),
        other => match other.to_x25519()? {
            PublicKey::X25519(bytes) => Ok(bytes),
            converted => Err(CryptoError::NotEd25519(converted.key_type())),
        },
    }
}

#[cfg(test)]
mod tests;
