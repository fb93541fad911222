//! The memory of did:peer:4: what was seen in long form resolves in short form.

use std::sync::Arc;

use entente_did::{Did, DidError};
use entente_store::{Database, StoreError};
use moka::sync::Cache;

use crate::error::ResolveError;
use crate::store;

/// What an entry takes besides its text, in bytes: about what moka keeps for it.
const ENTRY_OVERHEAD: usize = 200;

/// Tenant and short form.
type Key = (Arc<str>, Arc<str>);

/// The long forms by their short forms, behind a cache of what is known to be stored.
pub(crate) struct Peer4 {
    database: Database,
    stored: Cache<Key, Arc<str>>,
}

impl Peer4 {
    pub(crate) fn new(database: Database, cache_bytes: u64) -> Self {
        let weigh = |(tenant, short): &Key, long: &Arc<str>| {
            u32::try_from(tenant.len() + short.len() + long.len() + ENTRY_OVERHEAD)
                .unwrap_or(u32::MAX)
        };
        Self { database, stored: Cache::builder().max_capacity(cache_bytes).weigher(weigh).build() }
    }

    /// Remembers a long form. Writes only at first sight.
    pub(crate) async fn remember(&self, tenant: &str, long: &Did) -> Result<(), StoreError> {
        let short = long.canonical();
        let key: Key = (tenant.into(), short.as_str().into());
        if self.stored.contains_key(&key) {
            return Ok(());
        }
        store::insert(&self.database, tenant, short.as_str(), long.as_str()).await?;
        self.stored.insert(key, long.as_str().into());
        Ok(())
    }

    /// The long form of a short one, and whether it was in memory.
    pub(crate) async fn long_form(
        &self,
        tenant: &str,
        short: &Did,
    ) -> Result<(Did, bool), ResolveError> {
        let key: Key = (tenant.into(), short.as_str().into());
        if let Some(long) = self.stored.get(&key) {
            return Ok((Did::parse(&long)?, true));
        }
        let long = store::long_form(&self.database, tenant, short.as_str())
            .await?
            .ok_or(DidError::ShortForm)?;
        // Checks the hash: a row that was tampered with is not believed.
        let did =
            Did::parse(&long).map_err(|_| StoreError::corrupt("long form of a did:peer:4"))?;
        if did.canonical() != *short {
            return Err(StoreError::corrupt("long form of a did:peer:4").into());
        }
        self.stored.insert(key, long.into());
        Ok((did, false))
    }
}
