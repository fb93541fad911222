//! Making, importing, listing and destroying keys.

use std::sync::Arc;

use entente_did::{KeyType, PublicKey};
use entente_rpc::now;
use entente_store::{PageToken, StoreError};

use super::{Keystore, parse_key};
use crate::cache::HeldKey;
use crate::error::KeystoreError;
use crate::private_key::PrivateKey;
use crate::seal::{Place, SecretBytes};
use crate::store::{Inserted, KeyRow, NewKeys, SealedKey};

/// The longest request_id and purpose, in characters.
const MAX_TEXT: usize = 64;
/// The most keys that one call makes.
const MAX_KEYS: usize = 8;

/// The most keys that one call destroys.
const MAX_DELETED: i64 = 1_000;

/// A page of a list.
pub(crate) struct Page {
    pub(crate) keys: Vec<KeyRow>,
    /// Empty on the last page.
    pub(crate) next: String,
}

impl Keystore {
    /// Makes keys of these types, all or none.
    pub(crate) async fn create_keys(
        &self,
        tenant: &str,
        types: &[KeyType],
        request_id: String,
        purpose: String,
    ) -> Result<Vec<KeyRow>, KeystoreError> {
        if types.is_empty() || types.len() > MAX_KEYS {
            return Err(KeystoreError::field("types", "must have 1 to 8 types of keys"));
        }
        for (field, text) in [("request_id", &request_id), ("purpose", &purpose)] {
            if text.chars().count() > MAX_TEXT {
                let problem = "is too long; at most 64 characters are taken";
                return Err(KeystoreError::field(field, problem));
            }
        }
        let mut secrets = Vec::with_capacity(types.len());
        for key_type in types {
            secrets.push(PrivateKey::generate(*key_type)?);
        }
        let request_id = (!request_id.is_empty()).then_some(request_id);
        let keys = self.add(tenant, secrets, request_id, purpose).await?;
        let made: Vec<_> = keys.iter().map(|key| key.public.key_type()).collect();
        if made == types { Ok(keys) } else { Err(KeystoreError::RequestIdReused(made)) }
    }

    pub(crate) async fn import_key(
        &self,
        tenant: &str,
        key_type: KeyType,
        bytes: &[u8],
    ) -> Result<KeyRow, KeystoreError> {
        let wrong = |problem: String| KeystoreError::field("private_key", problem);
        let expected = PrivateKey::len(key_type).unwrap_or_default();
        if bytes.len() != expected {
            return Err(wrong(format!("must have {expected} bytes")));
        }
        let secret = PrivateKey::from_bytes(key_type, bytes).ok_or_else(|| {
            wrong(format!(
                "is no scalar of {key_type}: it must be greater than 0 and less than the group's order"
            ))
        })?;
        let bytes = SecretBytes::new(bytes.to_vec());
        let mut keys = self.add(tenant, vec![(secret, bytes)], None, String::new()).await?;
        keys.pop().ok_or(KeystoreError::Mismatch)
    }

    /// Stores new keys; gives those that are stored for the request id, or the key, already.
    async fn add(
        &self,
        tenant: &str,
        secrets: Vec<(PrivateKey, SecretBytes)>,
        request_id: Option<String>,
        purpose: String,
    ) -> Result<Vec<KeyRow>, KeystoreError> {
        let tenant_key = self.tenant_key_or_new(tenant).await?;
        let mut keys = Vec::with_capacity(secrets.len());
        for (secret, bytes) in &secrets {
            let public = secret.public();
            let place = Place::PrivateKey { tenant, public_key: &public.multibase() };
            let sealed = tenant_key.seal(place, bytes)?;
            keys.push(SealedKey { tenant: tenant.to_owned(), public, sealed });
        }
        let created_at = now();
        let before = self.keys.before_load();
        let first = keys.first().map(|key| key.public);
        let new = NewKeys { keys, request_id, purpose: purpose.clone(), created_at };
        match self.creator.insert(new).await? {
            Inserted::New => Ok(secrets
                .into_iter()
                .map(|(secret, _)| {
                    let public = secret.public();
                    let held = HeldKey::new(tenant.to_owned(), public, secret);
                    self.keys.insert(Arc::new(held), before);
                    let made_with = first.filter(|first| *first != public);
                    KeyRow { public, created_at, purpose: purpose.clone(), made_with }
                })
                .collect()),
            Inserted::Existing(keys) => Ok(keys),
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
        purpose: &str,
    ) -> Result<Page, KeystoreError> {
        let size = entente_store::page_size(page_size)
            .ok_or_else(|| KeystoreError::field("page_size", "is negative; 0 means 100"))?;
        let filter = (tenant, purpose);
        let token = PageToken::decode(page_token, &filter).ok_or(KeystoreError::PageToken)?;
        let after = match &token {
            Some(token) => read_place(&token.after).ok_or(KeystoreError::PageToken)?,
            None => (i64::MIN, ""),
        };
        let mut keys = self.store.keys_after(tenant, purpose, after, size + 1).await?;
        let size = usize::try_from(size).map_err(|_| StoreError::corrupt("page size"))?;
        let more = keys.len() > size;
        keys.truncate(size);
        let next = match keys.last() {
            Some(last) if more => PageToken::encode(&place(last), &filter),
            _ => String::new(),
        };
        Ok(Page { keys, next })
    }

    /// Destroys a tenant's data key and some of its keys. Gives how many, and whether none is left. Other processes may
    /// have keys of it in memory for as long as they keep them.
    pub(crate) async fn delete_tenant(&self, tenant: &str) -> Result<(i64, bool), KeystoreError> {
        let deleted = self.store.delete_tenant(tenant, MAX_DELETED).await?;
        self.tenants.invalidate(tenant);
        for key in &deleted {
            self.keys.remove(key);
        }
        let count = i64::try_from(deleted.len()).unwrap_or(MAX_DELETED);
        Ok((count, count < MAX_DELETED))
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
