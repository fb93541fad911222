//! Content encryption of DIDComm v2: A256CBC-HS512, A256GCM (RFC 7518) and XC20P (draft-amringer-jose-chacha).

use aes::Aes256;
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U16;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use hmac::{Hmac, Mac as _};
use rand_core::CryptoRng;
use sha2::Sha512;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::CryptoError;

/// The cipher of a message's content: the JWE header `enc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContentEncryption {
    /// AES-256-CBC with HMAC-SHA-512: the one that every implementation has, and the only one of authcrypt.
    #[default]
    A256CbcHs512,
    /// AES-256-GCM.
    A256Gcm,
    /// XChaCha20-Poly1305.
    Xc20p,
}

/// The content encryption key (CEK) of one message. Zeroized on drop; neither `Debug` nor `Clone`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Cek {
    bytes: [u8; 64],
    len: usize,
}

/// What content encryption makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedContent {
    /// The nonce.
    pub iv: Vec<u8>,
    /// As long as the plaintext, or up to a block longer.
    pub ciphertext: Vec<u8>,
    /// The authentication tag.
    pub tag: Vec<u8>,
}

impl ContentEncryption {
    /// The name in `enc`.
    pub fn name(self) -> &'static str {
        match self {
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A256Gcm => "A256GCM",
            Self::Xc20p => "XC20P",
        }
    }

    /// The cipher of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::A256CbcHs512, Self::A256Gcm, Self::Xc20p].into_iter().find(|e| e.name() == name)
    }

    /// Bytes of the key.
    pub fn key_len(self) -> usize {
        match self {
            Self::A256CbcHs512 => 64,
            _ => 32,
        }
    }

    /// Bytes of the nonce.
    pub fn iv_len(self) -> usize {
        match self {
            Self::A256CbcHs512 => 16,
            Self::A256Gcm => 12,
            Self::Xc20p => 24,
        }
    }

    /// Bytes of the tag.
    pub fn tag_len(self) -> usize {
        match self {
            Self::A256CbcHs512 => 32,
            _ => 16,
        }
    }

    /// Encrypts under a random nonce, and authenticates `aad` with it.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`] for a key of another cipher, or more than 64 GiB.
    pub fn encrypt(
        self,
        key: &Cek,
        plaintext: &[u8],
        aad: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<EncryptedContent, CryptoError> {
        let mut iv = vec![0; self.iv_len()];
        rng.fill_bytes(&mut iv);
        let (ciphertext, tag) = match self {
            Self::A256CbcHs512 => cbc_encrypt(key, &iv, plaintext, aad)?,
            Self::A256Gcm => {
                aead_encrypt(&Aes256Gcm::new(&key.array()?.into()), &iv, plaintext, aad)?
            }
            Self::Xc20p => {
                aead_encrypt(&XChaCha20Poly1305::new(&key.array()?.into()), &iv, plaintext, aad)?
            }
        };
        Ok(EncryptedContent { iv, ciphertext, tag })
    }

    /// Checks and decrypts.
    ///
    /// # Errors
    /// [`CryptoError::Decryption`], whatever was wrong.
    pub fn decrypt(
        self,
        key: &Cek,
        content: &EncryptedContent,
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        match self {
            Self::A256CbcHs512 => cbc_decrypt(key, content, aad),
            Self::A256Gcm => aead_decrypt(&Aes256Gcm::new(&key.array()?.into()), content, aad),
            Self::Xc20p => {
                aead_decrypt(&XChaCha20Poly1305::new(&key.array()?.into()), content, aad)
            }
        }
    }
}

impl Cek {
    /// A fresh key for a cipher.
    pub fn random(encryption: ContentEncryption, rng: &mut impl CryptoRng) -> Self {
        let mut key = Self { bytes: [0; 64], len: encryption.key_len() };
        rng.fill_bytes(key.bytes.get_mut(..key.len).unwrap_or_default());
        key
    }

    pub(super) fn empty(len: usize) -> Self {
        Self { bytes: [0; 64], len: len.min(64) }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    fn array<const N: usize>(&self) -> Result<[u8; N], CryptoError> {
        self.as_bytes().try_into().map_err(|_| CryptoError::Decryption)
    }

    /// The key of the MAC and that of the cipher (RFC 7518, 5.2.2.1).
    fn halves(&self) -> Result<(&[u8; 32], &[u8; 32]), CryptoError> {
        let (mac, rest) = self.as_bytes().split_first_chunk().ok_or(CryptoError::Decryption)?;
        Ok((mac, rest.try_into().map_err(|_| CryptoError::Decryption)?))
    }
}

fn iv<const N: usize>(iv: &[u8]) -> Result<[u8; N], CryptoError> {
    iv.try_into().map_err(|_| CryptoError::Decryption)
}

fn cbc_encrypt(
    key: &Cek,
    nonce: &[u8],
    plaintext: &[u8],
    aad: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let (mac_key, key) = key.halves()?;
    let mut ciphertext = Vec::with_capacity(plaintext.len() + 16);
    ciphertext.extend_from_slice(plaintext);
    ciphertext.resize(plaintext.len() / 16 * 16 + 16, 0);
    cbc::Encryptor::<Aes256>::new(key.into(), &iv::<16>(nonce)?.into())
        .encrypt_padded::<Pkcs7>(&mut ciphertext, plaintext.len())
        .map_err(|_| CryptoError::Decryption)?;
    let tag = cbc_tag(mac_key, nonce, &ciphertext, aad)?;
    Ok((ciphertext, tag.to_vec()))
}

/// The tag is checked before anything is decrypted, so that there is no padding to ask about.
fn cbc_decrypt(key: &Cek, content: &EncryptedContent, aad: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (mac_key, key) = key.halves()?;
    let expected = cbc_tag(mac_key, &content.iv, &content.ciphertext, aad)?;
    if !bool::from(expected.as_slice().ct_eq(&content.tag)) {
        return Err(CryptoError::Decryption);
    }
    let mut plaintext = Zeroizing::new(content.ciphertext.clone());
    let len = cbc::Decryptor::<Aes256>::new(key.into(), &iv::<16>(&content.iv)?.into())
        .decrypt_padded::<Pkcs7>(&mut plaintext)
        .map_err(|_| CryptoError::Decryption)?
        .len();
    plaintext.truncate(len);
    Ok(std::mem::take(&mut plaintext))
}

/// HMAC-SHA-512 of the additional data, the nonce, the ciphertext and the additional data's length in bits, cut to half
/// (RFC 7518, 5.2.2.1).
fn cbc_tag(
    key: &[u8; 32],
    nonce: &[u8],
    ciphertext: &[u8],
    aad: &[u8],
) -> Result<[u8; 32], CryptoError> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).map_err(|_| CryptoError::Decryption)?;
    mac.update(aad);
    mac.update(nonce);
    mac.update(ciphertext);
    mac.update(&(aad.len() as u64 * 8).to_be_bytes());
    let full = mac.finalize().into_bytes();
    full.first_chunk().copied().ok_or(CryptoError::Decryption)
}

fn aead_encrypt<A: AeadInOut<TagSize = U16>>(
    cipher: &A,
    nonce: &[u8],
    plaintext: &[u8],
    aad: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let nonce = nonce.try_into().map_err(|_| CryptoError::Decryption)?;
    let mut ciphertext = plaintext.to_vec();
    let tag = cipher
        .encrypt_inout_detached(nonce, aad, ciphertext.as_mut_slice().into())
        .map_err(|_| CryptoError::Decryption)?;
    Ok((ciphertext, tag.to_vec()))
}

fn aead_decrypt<A: AeadInOut<TagSize = U16>>(
    cipher: &A,
    content: &EncryptedContent,
    aad: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let nonce = content.iv.as_slice().try_into().map_err(|_| CryptoError::Decryption)?;
    let tag = content.tag.as_slice().try_into().map_err(|_| CryptoError::Decryption)?;
    let mut plaintext = Zeroizing::new(content.ciphertext.clone());
    cipher
        .decrypt_inout_detached(nonce, aad, plaintext.as_mut_slice().into(), tag)
        .map_err(|_| CryptoError::Decryption)?;
    Ok(std::mem::take(&mut plaintext))
}

#[cfg(test)]
mod tests;
