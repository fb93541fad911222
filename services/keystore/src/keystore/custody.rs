//! Making, importing, listing and destroying keys.

use std::sync::Arc;

use entente_did::{KeyType, PublicKey};
use entente_store::{PageToken, StoreError};

use super::{Keystore, now, parse_key};
use crate::cache::HeldKey;
use crate::error::KeystoreError;
use crate::private_key::PrivateKey;
use crate::seal::{Place, Secret32};
use crate::store::{Inserted, KeyRow, NewKey, SealedKey};

/// The longest request_id, in characters.
const MAX_REQUEST_ID: usize = 64;

/// A page of a list.
pub(crate) struct Page {
    pub(crate) keys: Vec<KeyRow>,
    /// Empty on the last page.
    pub(crate) next: String,
}

impl Keystore {
    pub(crate) async fn create_key(
        &self,
        tenant: &str,
        key_type: KeyType,
        request_id: String,
    ) -> Result<KeyRow, KeystoreError> {
        if request_id.chars().count() > MAX_REQUEST_ID {
            return Err(KeystoreError::field(
                "request_id",
                "is too long; at most 64 characters are taken",
            ));
        }
        let (secret, bytes) = PrivateKey::generate(key_type)?;
        let request_id = (!request_id.is_empty()).then_some(request_id);
        let key = self.add(tenant, secret, &bytes, request_id).await?;
        match key.public.key_type() {
            made if made == key_type => Ok(key),
            made => Err(KeystoreError::RequestIdReused(made)),
        }
    }

    pub(crate) async fn import_key(
        &self,
        tenant: &str,
        key_type: KeyType,
        bytes: &[u8],
    ) -> Result<KeyRow, KeystoreError> {
        let wrong = |problem| KeystoreError::field("private_key", problem);
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| wrong("must have 32 bytes"))?;
        let bytes = Secret32::new(bytes);
        let secret = PrivateKey::from_bytes(key_type, &bytes).ok_or_else(|| {
            wrong("is no P-256 scalar: it must be greater than 0 and less than the group's order")
        })?;
        self.add(tenant, secret, &bytes, None).await
    }

    async fn add(
        &self,
        tenant: &str,
        secret: PrivateKey,
        bytes: &Secret32,
        request_id: Option<String>,
    ) -> Result<KeyRow, KeystoreError> {
        let public = secret.public().map_err(|_| KeystoreError::Mismatch)?;
        let tenant_key = self.tenant_key_or_new(tenant).await?;
        let place = Place::PrivateKey { tenant, public_key: &public.multibase() };
        let sealed = tenant_key.seal(place, bytes)?;
        let created_at = now();
        let key = SealedKey { tenant: tenant.to_owned(), public, sealed };
        let before = self.keys.before_load();
        match self.creator.insert(NewKey { key, request_id, created_at }).await? {
            Inserted::New => {
                self.keys.insert(Arc::new(HeldKey::new(tenant.to_owned(), public, secret)), before);
                Ok(KeyRow { public, created_at })
            }
            Inserted::Existing(key) => Ok(key),
            Inserted::Taken => Err(KeystoreError::Taken),
        }
    }

    pub(crate) async fn key(&self, tenant: &str, key: &str) -> Result<KeyRow, KeystoreError> {
        let key = parse_key("key", key)?;
        self.store.key(tenant, &key).await?.ok_or(KeystoreError::KeyNotFound { field: "key" })
    }

    pub(crate) async fn list_keys(
        &self,
        tenant: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<Page, KeystoreError> {
        let size = entente_store::page_size(page_size)
            .ok_or_else(|| KeystoreError::field("page_size", "is negative; 0 means 100"))?;
        let token = PageToken::decode(page_token, &tenant).ok_or(KeystoreError::PageToken)?;
        let after = match &token {
            Some(token) => read_place(&token.after).ok_or(KeystoreError::PageToken)?,
            None => (i64::MIN, ""),
        };
        let mut keys = self.store.keys_after(tenant, after, size + 1).await?;
        let size = usize::try_from(size).map_err(|_| StoreError::corrupt("page size"))?;
        let more = keys.len() > size;
        keys.truncate(size);
        let next = match keys.last() {
            Some(last) if more => PageToken::encode(&place(last), &tenant),
            _ => String::new(),
        };
        Ok(Page { keys, next })
    }

    pub(crate) async fn delete_key(&self, tenant: &str, key: &str) -> Result<bool, KeystoreError> {
        let key: PublicKey = parse_key("key", key)?;
        let deleted = self.store.delete_key(tenant, &key).await?;
        if deleted {
            self.keys.remove(&key);
        }
        Ok(deleted)
    }
}

fn place(key: &KeyRow) -> String {
    format!("{}.{}", key.created_at, key.public.multibase())
}

fn read_place(text: &str) -> Option<(i64, &str)> {
    let (created_at, key) = text.split_once('.')?;
    Some((created_at.parse().ok()?, key))
}
