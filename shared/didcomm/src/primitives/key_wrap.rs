//! The key that wraps a content key: Concat KDF (RFC 7518, 4.6; draft-madden-jose-ecdh-1pu-04) and AES key wrap
//! (RFC 3394).

use aes_kw::{KeyInit as _, KwAes256};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Cek, CryptoError, SharedSecret};

/// Bytes that wrapping adds to a key.
pub const WRAP_OVERHEAD: usize = 8;

/// What a wrapping key is derived from, apart from the shared secrets.
#[derive(Debug, Clone, Copy)]
pub struct KeyDerivation<'a> {
    /// The JWE header `alg`, `ECDH-ES+A256KW` or `ECDH-1PU+A256KW`.
    pub algorithm: &'static str,
    /// The decoded `apu`.
    pub apu: &'a [u8],
    /// The decoded `apv`.
    pub apv: &'a [u8],
    /// The tag of the content, with ECDH-1PU only.
    pub tag: Option<&'a [u8]>,
}

/// A key that wraps a content key for one recipient. Zeroized on drop; neither `Debug` nor `Clone`.
pub struct WrappingKey(Zeroizing<[u8; 32]>);

impl KeyDerivation<'_> {
    /// The key of the ephemeral shared secret and, with ECDH-1PU, the static one.
    pub fn derive(&self, ephemeral: &SharedSecret, fixed: Option<&SharedSecret>) -> WrappingKey {
        // One round: the digest is as long as the key.
        let mut hash = Sha256::new_with_prefix(1u32.to_be_bytes());
        hash.update(ephemeral.as_bytes());
        if let Some(fixed) = fixed {
            hash.update(fixed.as_bytes());
        }
        for part in [self.algorithm.as_bytes(), self.apu, self.apv] {
            prefixed(&mut hash, part);
        }
        hash.update(256u32.to_be_bytes());
        if let Some(tag) = self.tag {
            prefixed(&mut hash, tag);
        }
        let mut key = Zeroizing::new([0; 32]);
        hash.finalize_into((&mut *key).into());
        WrappingKey(key)
    }
}

/// A part behind its length.
fn prefixed(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u32).to_be_bytes());
    hash.update(part);
}

impl WrappingKey {
    /// The wrapped key.
    ///
    /// # Errors
    /// None, for a [`Cek`] as long as a cipher wants it.
    pub fn wrap(&self, cek: &Cek) -> Result<Vec<u8>, CryptoError> {
        let mut wrapped = vec![0; cek.as_bytes().len() + WRAP_OVERHEAD];
        KwAes256::new((&*self.0).into())
            .wrap_key(cek.as_bytes(), &mut wrapped)
            .map_err(|_| CryptoError::Decryption)?;
        Ok(wrapped)
    }

    /// The content key of `len` bytes.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`].
    pub fn unwrap(&self, wrapped: &[u8], len: usize) -> Result<Cek, CryptoError> {
        let mut cek = Cek::empty(len);
        if wrapped.len() != len + WRAP_OVERHEAD {
            return Err(CryptoError::Decryption);
        }
        KwAes256::new((&*self.0).into())
            .unwrap_key(wrapped, cek.as_bytes_mut())
            .map_err(|_| CryptoError::Decryption)?;
        Ok(cek)
    }
}
