//! Sealing of keys with AES-256-GCM, each bound to the place it is stored at.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

/// 32 secret bytes, zeroized on drop.
pub(crate) type Secret32 = Zeroizing<[u8; 32]>;
/// The secret bytes of a key of whichever length, zeroized on drop.
pub(crate) type SecretBytes = Zeroizing<Vec<u8>>;

/// The format of a sealed key: version, nonce, ciphertext, tag.
const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Bytes that sealing adds to a key.
const OVERHEAD: usize = 1 + NONCE + TAG;

/// Where a sealed key belongs: the additional data, so that it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The text by which a master key is known.
    Verifier,
    /// A tenant's data key.
    TenantKey { tenant: &'a str },
    /// A private key.
    PrivateKey { tenant: &'a str, public_key: &'a str },
}

impl Place<'_> {
    /// Each field with its length before it, so that no two places have the same text.
    fn additional_data(self) -> Vec<u8> {
        let (name, fields): (&[u8], [&str; 2]) = match self {
            Self::Verifier => (b"entente verifier", ["", ""]),
            Self::TenantKey { tenant } => (b"entente tenant key", [tenant, ""]),
            Self::PrivateKey { tenant, public_key } => {
                (b"entente private key", [tenant, public_key])
            }
        };
        let mut data = vec![VERSION];
        for field in [name, fields[0].as_bytes(), fields[1].as_bytes()] {
            data.extend_from_slice(&(field.len() as u64).to_be_bytes());
            data.extend_from_slice(field);
        }
        data
    }
}

/// Why a key could not be sealed or opened. It never says which byte was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Changed, moved from another place, or sealed under another key.
    #[error("a sealed key does not open: it was changed or moved, or is sealed under another key")]
    Broken,
    /// Written by a later version.
    #[error("a sealed key has the format {0}, which this version does not know")]
    Version(u8),
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Randomness,
}

/// A key that seals others. Zeroized on drop; neither `Debug` nor `Clone`.
pub(crate) struct SealingKey(Aes256Gcm);

impl SealingKey {
    pub(crate) fn new(key: &Secret32) -> Self {
        Self(Aes256Gcm::new((&**key).into()))
    }

    pub(crate) fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        SysRng.try_fill_bytes(&mut nonce).map_err(|_| SealError::Randomness)?;
        let mut body = Zeroizing::new(secret.to_vec());
        let tag = self
            .0
            .encrypt_inout_detached(
                &nonce.into(),
                &place.additional_data(),
                body.as_mut_slice().into(),
            )
            .map_err(|_| SealError::Broken)?;
        let mut sealed = Vec::with_capacity(OVERHEAD + secret.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(body.as_slice());
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Broken)?;
        if *version != VERSION {
            return Err(SealError::Version(*version));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Broken)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(SealError::Broken)?;
        let mut secret = Zeroizing::new(body.to_vec());
        self.0
            .decrypt_inout_detached(
                &(*nonce).into(),
                &place.additional_data(),
                secret.as_mut_slice().into(),
                &(*tag).into(),
            )
            .map_err(|_| SealError::Broken)?;
        Ok(secret)
    }
}

/// Fresh bytes from the operating system, for keys that live long.
pub(crate) fn random() -> Result<Secret32, SealError> {
    let mut secret = Secret32::default();
    fill(secret.as_mut_slice())?;
    Ok(secret)
}

/// As [`random`], of any length.
pub(crate) fn random_bytes(len: usize) -> Result<SecretBytes, SealError> {
    let mut secret = Zeroizing::new(vec![0; len]);
    fill(&mut secret)?;
    Ok(secret)
}

fn fill(bytes: &mut [u8]) -> Result<(), SealError> {
    SysRng.try_fill_bytes(bytes).map_err(|_| SealError::Randomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place::PrivateKey { tenant: "a", public_key: "zb" };

    #[test]
    fn opens_only_at_its_place() {
        let key = SealingKey::new(&random().unwrap());
        for len in [32, 48, 66] {
            let secret = random_bytes(len).unwrap();
            let sealed = key.seal(PLACE, &secret).unwrap();
            assert_eq!(sealed.len(), OVERHEAD + len);
            assert!(*key.open(PLACE, &sealed).unwrap() == *secret);
        }
        let sealed = key.seal(PLACE, random().unwrap().as_slice()).unwrap();
        for other in [
            Place::Verifier,
            Place::TenantKey { tenant: "a" },
            Place::PrivateKey { tenant: "az", public_key: "b" },
            Place::PrivateKey { tenant: "a", public_key: "zc" },
        ] {
            assert_eq!(key.open(other, &sealed).err(), Some(SealError::Broken));
        }
        let stranger = SealingKey::new(&random().unwrap());
        assert_eq!(stranger.open(PLACE, &sealed).err(), Some(SealError::Broken));
    }

    #[test]
    fn any_changed_byte_is_found() {
        let (key, secret) = (SealingKey::new(&random().unwrap()), random().unwrap());
        let sealed = key.seal(PLACE, secret.as_slice()).unwrap();
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(key.open(PLACE, &changed).is_err(), "byte {i}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(PLACE, &sealed[..length]).is_err(), "length {length}");
        }
        assert_eq!(key.open(PLACE, &[2, 0, 0]).err(), Some(SealError::Version(2)));
    }
}
