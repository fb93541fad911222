//! The audit.

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::time_from_proto;
use entente_store::{Query, StoreError, Tenants, values};
use prost::Message as _;

use super::Store;

/// The scope of works on the audit: one after the other, so that numbers are committed in their order.
const SCOPE: &str = "audit";
/// How long the id of a request is remembered, in milliseconds.
const REMEMBERED: i64 = 3_600_000;

/// The number that the next follows.
pub(super) const LAST: &str = "SELECT COALESCE(MAX(last), 0) FROM (SELECT MAX(sequence) AS last FROM audit \
                    UNION ALL SELECT MAX(resumed_after) FROM audit_gaps) AS numbers";

/// Which entries. What is empty chooses none of them out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub tenant: String,
    pub caller: String,
}

impl Store {
    /// Appends entries, once for each request.
    pub async fn append(
        &self,
        entries: Vec<pb::AuditEntry>,
        request_id: &str,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        if !request_id.is_empty() {
            let sql = "INSERT INTO audit_requests (request_id, time) VALUES ($1, $2) \
                       ON CONFLICT DO NOTHING";
            if transaction.execute(sql, values![request_id, now]).await? == 0 {
                return Ok(());
            }
            transaction
                .write("DELETE FROM audit_requests WHERE time < $1", values![now - REMEMBERED]);
        }
        let last: Vec<(i64,)> = transaction.fetch(LAST, values![]).await?;
        let first = last.first().map_or(0, |(last,)| *last) + 1;
        for (sequence, entry) in (first..).zip(entries) {
            let record = pb::AuditEntry { sequence: 0, ..entry };
            transaction.write(
                "INSERT INTO audit (tenant, sequence, caller, record) VALUES ($1, $2, $3, $4)",
                values![&record.tenant, sequence, &record.caller, record.encode_to_vec()],
            );
        }
        transaction.commit::<()>().await.map(drop)
    }

    /// Removes those of the oldest entries that are from before a time, but never the newest, which the next number
    /// follows. Says how many.
    pub async fn forget_audit(&self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let sql = "SELECT sequence, record FROM audit WHERE sequence < (SELECT MAX(sequence) FROM audit) \
                   ORDER BY sequence LIMIT $1";
        let oldest: Vec<(i64, Vec<u8>)> =
            self.database.read(Tenants::All).await?.all(sql, values![limit]).await?;
        let is_old = |record: &[u8]| {
            let entry = pb::AuditEntry::decode(record).ok();
            entry.and_then(|entry| entry.time).is_some_and(|time| time_from_proto(&time) < before)
        };
        let old = oldest.iter().take_while(|(_, record)| is_old(record)).last();
        let Some((up_to, _)) = old else { return Ok(0) };
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let sql = "DELETE FROM audit WHERE sequence <= $1";
        let removed = transaction.execute(sql, values![*up_to]).await?;
        transaction.commit::<()>().await?;
        Ok(removed)
    }

    /// The newest entry before a cursor that has seen entries which are lost, or none yet; `None` for any other cursor.
    pub async fn newest_before_lost(&self, cursor: i64) -> Result<Option<i64>, StoreError> {
        let mut reader = self.database.read(Tenants::All).await?;
        let gap = "SELECT newest FROM audit_gaps WHERE newest < $1 AND resumed_after > $1";
        let lost: Option<(i64,)> = reader.optional(gap, values![cursor]).await?;
        if let Some((newest,)) = lost {
            return Ok(Some(newest));
        }
        let (last,): (i64,) = reader.one(LAST, values![]).await?;
        Ok((cursor > last).then_some(last))
    }

    /// Entries after a number, in their order.
    pub async fn audit(
        &self,
        after: i64,
        scope: &Scope,
        limit: i64,
    ) -> Result<Vec<pb::AuditEntry>, StoreError> {
        let tenants = match scope.tenant.as_str() {
            "" => Tenants::All,
            tenant => Tenants::One(tenant),
        };
        let mut query = Query::new("SELECT sequence, record FROM audit WHERE sequence > ");
        query.push_bind(after);
        for (column, value) in [("tenant", &scope.tenant), ("caller", &scope.caller)] {
            if !value.is_empty() {
                query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
            }
        }
        query.push(" ORDER BY sequence LIMIT ").push_bind(limit);
        let rows: Vec<(i64, Vec<u8>)> = query.all(self.database.read(tenants).await?).await?;
        rows.into_iter()
            .map(|(sequence, record)| {
                let entry = pb::AuditEntry::decode(record.as_slice())
                    .map_err(|_| StoreError::corrupt("audit"))?;
                Ok(pb::AuditEntry { sequence, ..entry })
            })
            .collect()
    }
}
