//! The log as it is checked: with what links it.

use entente_store::{StoreError, values};
use sqlx::FromRow;

use super::Store;
use super::chain::{Unlinked, link};

/// What the log is said to be.
#[derive(Debug, Clone, Default, FromRow)]
pub(crate) struct LogState {
    pub last_sequence: i64,
    pub hash: Vec<u8>,
    pub purged_sequence: i64,
    pub purged_hash: Vec<u8>,
    pub linked_after: i64,
    /// The oldest and the newest event that there are.
    pub oldest: Option<i64>,
    pub newest: Option<i64>,
}

impl LogState {
    /// Where the chain begins: after what was purged, or with the first event that has a hash.
    pub fn begin(&self) -> (i64, Vec<u8>) {
        match self.purged_sequence >= self.linked_after {
            true => (self.purged_sequence, self.purged_hash.clone()),
            false => (self.linked_after, Vec::new()),
        }
    }
}

/// An event with its hash.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct LinkedEvent {
    pub sequence: i64,
    pub kind: i32,
    pub connection_id: String,
    pub invitation_id: String,
    pub time: i64,
    pub record: Vec<u8>,
    pub hash: Option<Vec<u8>>,
}

impl LinkedEvent {
    /// The hash that it must have.
    pub fn link(&self, tenant: &str, prior: &[u8]) -> Vec<u8> {
        let unlinked = Unlinked {
            tenant,
            connection_id: &self.connection_id,
            invitation_id: &self.invitation_id,
            time: self.time,
            kind: self.kind,
            record: &self.record,
        };
        link(prior, self.sequence, &unlinked.leaf())
    }
}

impl Store {
    /// The state of a tenant's log.
    pub async fn log_state(&self, tenant: &str) -> Result<LogState, StoreError> {
        let sql = "SELECT last_sequence, hash, purged_sequence, purged_hash, linked_after, \
                   (SELECT MIN(sequence) FROM events WHERE tenant = $1) AS oldest, \
                   (SELECT MAX(sequence) FROM events WHERE tenant = $1) AS newest \
                   FROM logs WHERE tenant = $1";
        let found = self.read(tenant).await?.optional(sql, values![tenant]).await?;
        Ok(found.unwrap_or_default())
    }

    /// Events after a sequence, in order, with their hashes.
    pub async fn linked_events(
        &self,
        tenant: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LinkedEvent>, StoreError> {
        let sql = "SELECT sequence, kind, connection_id, invitation_id, time, record, hash FROM events \
                   WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
        self.read(tenant).await?.all(sql, values![tenant, after, limit]).await
    }
}
