//! The memory of did:peer:4: what was seen in long form resolves in short form, for as long as it is needed.
//!
//! Who needs a form tells it when asked. It may have been seen again meanwhile, on its way into a new record: what was seen
//! within [`GRACE`] stays whatever is said of it, and by then the record is there.

use std::sync::Arc;

use entente_did::{Did, DidError};
use entente_rpc::now;
use entente_store::{Database, StoreError};
use moka::sync::Cache;

use crate::error::ResolveError;
use crate::store;

/// How long after it was seen a form stays without being needed, in milliseconds: longer than a message is handled.
const GRACE: i64 = 3 * 60_000;
/// After how long it is asked again at the latest, in milliseconds.
const RARELY: i64 = 30 * 24 * 3_600_000;
/// How long it is not written down again that a form was seen, in milliseconds: much shorter than that.
const SEEN: i64 = 60_000;
/// What an entry takes besides its text, in bytes: about what moka keeps for it.
const ENTRY_OVERHEAD: usize = 200;

/// Tenant and short form.
type Key = (Arc<str>, Arc<str>);

/// A long form, and when it was last written down that it was seen, as far as this process knows.
#[derive(Clone)]
struct Stored {
    long: Arc<str>,
    seen_at: Option<i64>,
}

/// The long forms by their short forms, behind a cache.
pub(crate) struct Peer4 {
    database: Database,
    stored: Cache<Key, Stored>,
}

impl Peer4 {
    pub(crate) fn new(database: Database, cache_bytes: u64) -> Self {
        let weigh = |(tenant, short): &Key, stored: &Stored| {
            u32::try_from(tenant.len() + short.len() + stored.long.len() + ENTRY_OVERHEAD)
                .unwrap_or(u32::MAX)
        };
        Self { database, stored: Cache::builder().max_capacity(cache_bytes).weigher(weigh).build() }
    }

    /// Remembers a long form. Writes at first sight, and when it was not seen for a while.
    pub(crate) async fn remember(&self, tenant: &str, long: &Did) -> Result<(), StoreError> {
        let short = long.canonical();
        let key: Key = (tenant.into(), short.as_str().into());
        let now = now();
        let fresh =
            |stored: Stored| stored.seen_at.is_some_and(|at| (at..at + SEEN).contains(&now));
        if self.stored.get(&key).is_some_and(fresh) {
            return Ok(());
        }
        let times = (now, now + GRACE);
        store::put(&self.database, tenant, short.as_str(), long.as_str(), times).await?;
        self.stored.insert(key, Stored { long: long.as_str().into(), seen_at: Some(now) });
        Ok(())
    }

    /// Tenants and short forms of which it is time to say whether they are needed.
    pub(crate) async fn due(&self, limit: i64) -> Result<Vec<(String, String)>, StoreError> {
        store::due(&self.database, now(), limit).await
    }

    /// What became of them: see [`store::settle`].
    pub(crate) async fn settle(
        &self,
        tenant: &str,
        needed: &[String],
        needless: &[String],
    ) -> Result<(), StoreError> {
        store::settle(&self.database, tenant, (needed, needless), (now(), GRACE, RARELY)).await?;
        for short in needless {
            self.stored.invalidate(&(tenant.into(), short.as_str().into()));
        }
        Ok(())
    }

    /// The long form of a short one, and whether it was in memory.
    pub(crate) async fn long_form(
        &self,
        tenant: &str,
        short: &Did,
    ) -> Result<(Did, bool), ResolveError> {
        let key: Key = (tenant.into(), short.as_str().into());
        if let Some(stored) = self.stored.get(&key) {
            return Ok((Did::parse(&stored.long)?, true));
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
        self.stored.insert(key, Stored { long: long.into(), seen_at: None });
        Ok((did, false))
    }
}
