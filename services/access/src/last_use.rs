//! When keys were used: remembered at once, and written down beside the calls, for each key at most once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use entente_rpc::now;

use crate::service::Access;

/// How long a key's use is not written down again, in milliseconds.
const APART: i64 = 60_000;
/// How long a use is remembered here after it was written down.
const REMEMBERED: i64 = 10 * APART;
/// The most keys whose use is remembered; of others it is forgotten.
const MOST: usize = 50_000;

/// The uses that this process saw.
#[derive(Default)]
pub(crate) struct LastUse(Mutex<HashMap<String, Use>>);

struct Use {
    tenant: String,
    at: i64,
    written: i64,
}

impl LastUse {
    /// A key is used.
    pub fn add(&self, tenant: &str, id: &str, at: i64) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = uses.get_mut(id) {
            before.at = at;
        } else if uses.len() < MOST {
            uses.insert(id.to_owned(), Use { tenant: tenant.to_owned(), at, written: 0 });
        }
    }

    /// When a key was used, as far as is known here.
    pub fn of(&self, id: &str) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).map(|seen| seen.at)
    }

    /// What is to be written down now.
    fn due(&self, now: i64) -> Vec<(String, String, i64)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|_, seen| seen.written < seen.at || now - seen.written < REMEMBERED);
        let is_due = |seen: &Use| seen.at > seen.written && now - seen.written >= APART;
        let due = uses.iter_mut().filter(|(_, seen)| is_due(seen));
        due.map(|(id, seen)| {
            seen.written = seen.at;
            (seen.tenant.clone(), id.clone(), seen.at)
        })
        .collect()
    }
}

/// Writes down what is due, again and again.
pub(crate) async fn run(access: Access, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        write(&access).await;
    }
}

/// Writes down what is due.
pub(crate) async fn write(access: &Access) {
    let due = access.last_use.due(now());
    for uses in due.chunks(500) {
        if let Err(error) = access.store.use_api_keys(uses).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "it could not be written down when API keys were used");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let uses = LastUse::default();
        let mut written = 0;
        for second in 0..300 {
            let now = 1_000_000 + second * 1_000;
            uses.add("acme", "k", now);
            written += uses.due(now).len();
        }
        assert_eq!(written, 5);
        assert_eq!(uses.of("k"), Some(1_299_000));
        // The last use is written down too, and then forgotten here.
        assert_eq!(uses.due(10_000_000).len(), 1);
        assert_eq!(uses.due(20_000_000).len(), 0);
        assert_eq!(uses.of("k"), None);
    }
}
