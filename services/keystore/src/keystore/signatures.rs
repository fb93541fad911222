//! Signing and verifying.

use super::{Keystore, parse_key};
use crate::error::KeystoreError;
use crate::private_key::is_signed_by;

/// Which of the types that are kept sign, and which are checked.
const SIGNING_TYPES: &str = "Ed25519 and P-256";
const SIGNED_TYPES: &str = "Ed25519, P-256 and secp256k1";

impl Keystore {
    pub(crate) async fn sign(
        &self,
        tenant: &str,
        key: &str,
        payload: &[u8],
    ) -> Result<[u8; 64], KeystoreError> {
        self.check_size("payload", payload.len())?;
        let held = self.held_by(tenant, parse_key("key", key)?, "key").await?;
        held.secret.sign(payload).ok_or_else(|| KeystoreError::WrongKeyType {
            field: "key".to_owned(),
            key_type: held.public.key_type(),
            purpose: "sign",
            expected: SIGNING_TYPES,
        })
    }

    pub(crate) fn verify(
        &self,
        key: &str,
        payload: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeystoreError> {
        self.check_size("payload", payload.len())?;
        let key = parse_key("key", key)?;
        let signature = signature.try_into().map_err(|_| {
            KeystoreError::field(
                "signature",
                format!("has {} bytes; it must have 64", signature.len()),
            )
        })?;
        is_signed_by(&key, payload, signature).ok_or_else(|| KeystoreError::WrongKeyType {
            field: "key".to_owned(),
            key_type: key.key_type(),
            purpose: "verify signatures",
            expected: SIGNED_TYPES,
        })
    }
}
