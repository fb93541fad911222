//! Codes of data that no other keystore can make.

use entente_did::KeyType;
use sha2::{Digest as _, Sha256};

use super::Keystore;
use crate::error::KeystoreError;

/// Whose the key behind the codes is: nobody's, for no tenant's id has a colon.
const OWNER: &str = "suite:mac";
/// The most data, in bytes.
const MAX_DATA: usize = 1024;

impl Keystore {
    /// The code of data: SHA-256 of an Ed25519 signature, which is the same whenever it is made (RFC 8032) and which only
    /// the key can make. The key is made at the first call, and is under the master key as all are.
    pub(crate) async fn mac(&self, data: &[u8]) -> Result<[u8; 32], KeystoreError> {
        if data.is_empty() || data.len() > MAX_DATA {
            return Err(KeystoreError::field("data", "must have 1 to 1,024 bytes"));
        }
        let make =
            || self.create_keys(OWNER, &[KeyType::Ed25519], OWNER.to_owned(), OWNER.to_owned());
        let key = self.mac_key.get_or_try_init(async || {
            let made = make().await?;
            made.first().map(|key| key.public).ok_or(KeystoreError::Mismatch)
        });
        let held = self.held_by(OWNER, *key.await?, "data").await?;
        let signature = held.secret.sign(data).ok_or(KeystoreError::Mismatch)?;
        Ok(Sha256::digest(signature).into())
    }
}
