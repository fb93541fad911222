//! The keystore itself: custody of keys, and the work with them.

mod custody;
mod envelopes;
mod mac;
mod master_key;
mod signatures;

pub(crate) use envelopes::{PackV2, UnpackKeys, Unpacked};

use std::sync::Arc;
use std::time::Duration;

use entente_did::PublicKey;
use entente_rpc::now;
use moka::sync::Cache;
use tokio::sync::{Mutex, OnceCell, RwLock};

use crate::cache::{HeldKey, KeyCache};
use crate::error::KeystoreError;
use crate::master::{Master, Source};
use crate::metrics::Metrics;
use crate::private_key::PrivateKey;
use crate::seal::{Place, SealError, SealingKey};
use crate::store::{Creator, SealedKey, Store};

/// What bounds the keystore.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a payload, a plaintext or an envelope.
    pub(crate) message: usize,
    pub(crate) cached_keys: u64,
    pub(crate) cached_tenants: u64,
    pub(crate) cached_for: Duration,
}

pub(crate) struct Keystore {
    store: Store,
    creator: Creator,
    source: Source,
    /// Held for reading while a tenant key is read and unwrapped, or made; for writing while the master key changes.
    master: RwLock<Master>,
    rotation: Mutex<()>,
    tenants: Cache<String, Arc<SealingKey>>,
    keys: KeyCache,
    /// What signs for the codes; known once there was one.
    mac_key: OnceCell<PublicKey>,
    limits: Limits,
    pub(crate) metrics: Metrics,
}

impl Keystore {
    pub(crate) fn new(
        store: Store,
        creator: Creator,
        source: Source,
        master: Master,
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        let tenants = Cache::builder()
            .max_capacity(limits.cached_tenants)
            .time_to_live(limits.cached_for)
            .build();
        let keys = KeyCache::new(limits.cached_keys, limits.cached_for);
        Self {
            store,
            creator,
            source,
            master: RwLock::new(master),
            rotation: Mutex::new(()),
            tenants,
            keys,
            mac_key: OnceCell::new(),
            limits,
            metrics,
        }
    }

    /// Whether the database answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.store.ping().await.is_ok()
    }

    /// Finishes the creations that are queued, drops the keys in memory and closes the store.
    pub(crate) async fn stop(&self) {
        self.creator.stop().await;
        self.keys.clear();
        self.tenants.invalidate_all();
        self.tenants.run_pending_tasks();
        self.store.close().await;
    }

    /// Those of the keys that are ours, of whichever tenant, in their order; at most one query, and none if all are in
    /// memory.
    async fn held(&self, keys: &[PublicKey]) -> Result<Vec<Arc<HeldKey>>, KeystoreError> {
        let mut held: Vec<_> = keys.iter().filter_map(|key| self.keys.get(key)).collect();
        self.metrics.cache_hits(held.len());
        if held.len() == keys.len() {
            return Ok(held);
        }
        let missing: Vec<_> = keys
            .iter()
            .filter(|key| !held.iter().any(|held| held.public == **key))
            .copied()
            .collect();
        self.metrics.cache_misses(missing.len());
        let before = self.keys.before_load();
        for row in self.store.sealed_keys(&missing).await? {
            let key = Arc::new(self.open(row).await?);
            self.keys.insert(key.clone(), before);
            held.push(key);
        }
        let place = |key: &HeldKey| keys.iter().position(|wanted| *wanted == key.public);
        held.sort_by_key(|key| place(key));
        Ok(held)
    }

    /// A tenant's key.
    async fn held_by(
        &self,
        tenant: &str,
        key: PublicKey,
        field: &'static str,
    ) -> Result<Arc<HeldKey>, KeystoreError> {
        let held = self.held(&[key]).await?.pop().filter(|held| held.tenant == tenant);
        held.ok_or(KeystoreError::KeyNotFound { field })
    }

    /// The private key of a row. What its bytes make must be the key that the row names.
    async fn open(&self, row: SealedKey) -> Result<HeldKey, KeystoreError> {
        let tenant_key = self.tenant_key(&row.tenant).await?.ok_or(SealError::Broken)?;
        let place = Place::PrivateKey { tenant: &row.tenant, public_key: &row.public.multibase() };
        let bytes = tenant_key.open(place, &row.sealed)?;
        let secret =
            PrivateKey::from_bytes(row.public.key_type(), &bytes).ok_or(KeystoreError::Mismatch)?;
        if secret.public() != row.public {
            return Err(KeystoreError::Mismatch);
        }
        Ok(HeldKey::new(row.tenant, row.public, secret))
    }

    /// A tenant's data key; `None` if it has none yet.
    async fn tenant_key(&self, tenant: &str) -> Result<Option<Arc<SealingKey>>, KeystoreError> {
        if let Some(key) = self.tenants.get(tenant) {
            return Ok(Some(key));
        }
        let master = self.master.read().await;
        let Some(wrapped) = self.store.tenant_key(tenant).await? else { return Ok(None) };
        let key = Arc::new(master.unwrap(tenant, &wrapped)?);
        self.tenants.insert(tenant.to_owned(), key.clone());
        Ok(Some(key))
    }

    /// A tenant's data key, made if there is none.
    async fn tenant_key_or_new(&self, tenant: &str) -> Result<Arc<SealingKey>, KeystoreError> {
        if let Some(key) = self.tenant_key(tenant).await? {
            return Ok(key);
        }
        let master = self.master.read().await;
        let wrapped = master.make_tenant_key(tenant)?;
        let stored = self.store.add_tenant_key(tenant, &wrapped, &master.verifier, now()).await?;
        let key = Arc::new(master.unwrap(tenant, &stored)?);
        self.tenants.insert(tenant.to_owned(), key.clone());
        Ok(key)
    }

    fn check_size(&self, what: &'static str, actual: usize) -> Result<(), KeystoreError> {
        let limit = self.limits.message;
        if actual > limit { Err(KeystoreError::TooLarge { what, limit, actual }) } else { Ok(()) }
    }
}

/// Reads a key in any of the forms that a request may have it in.
pub(crate) fn parse_key(field: &str, text: &str) -> Result<PublicKey, KeystoreError> {
    let parsed = match text.strip_prefix('z') {
        // Base58 may begin with z as well, but then it has not the length of a multibase key.
        Some(_) => PublicKey::from_multibase(text)
            .or_else(|error| PublicKey::from_base58_ed25519(text).map_err(|_| error)),
        None => PublicKey::parse_reference(text),
    };
    parsed.map_err(|source| KeystoreError::KeyText { field: field.to_owned(), source })
}
