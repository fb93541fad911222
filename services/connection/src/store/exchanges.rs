//! Handshakes.

use entente_protocol::Exchange;
use entente_store::{Query, StoreError, Tenants, values};
use sqlx::FromRow;

use super::{Page, Store, Work};

/// A handshake as it is stored. Enumerations have the numbers of the proto.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ExchangeRow {
    pub id: String,
    pub role: i32,
    pub state: i32,
    pub protocol: i32,
    pub invitation_id: String,
    pub thread_id: Option<String>,
    pub my_did: Option<String>,
    pub their_did: Option<String>,
    pub their_label: String,
    pub alias: String,
    pub invitation_key: String,
    pub invitation_did: String,
    pub pending_for: Option<String>,
    pub auto_accept: bool,
    pub multi_use: bool,
    pub label: String,
    pub did_method: i32,
    pub deadline_at: Option<i64>,
    pub goal_code: String,
    pub goal: String,
    pub metadata: String,
    pub machine: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    /// Our key, until there is a connection.
    pub my_key: Option<String>,
}

/// Which handshakes.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct ExchangeFilter {
    pub state: i32,
    pub role: i32,
    pub invitation_id: String,
    pub alias: String,
    pub my_did: String,
    pub their_did: String,
    pub invitation_key: String,
    pub created: Span,
    pub updated: Span,
    pub descending: bool,
}

/// A span of time, in milliseconds since the epoch: from, and before.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Span {
    pub from: Option<i64>,
    pub before: Option<i64>,
}

/// How far the time in an id may be from that of the record, in milliseconds: other services are called in between,
/// and a clock may be set.
const ID_SLACK: i64 = 3_600_000;

/// What ids made at a time begin with; they sort by it.
fn id_at(milliseconds: i64) -> String {
    let time = milliseconds.clamp(0, (1 << 48) - 1);
    format!("{:08x}-{:04x}", time >> 16, time & 0xffff)
}

impl ExchangeFilter {
    /// Ends a query with the spans of time. Ids bound them, so that the primary key does; records that changed of late
    /// have an index.
    fn push_times(&self, tenant: &str, query: &mut Query) {
        let ends = [&self.created, &self.updated].map(|span| span.before);
        for (column, end) in ["created_at", "updated_at"].into_iter().zip(ends) {
            if let Some(before) = end {
                query.push(" AND ").push(column).push(" < ").push_bind(before);
            }
        }
        // What changed last before a time was made before it.
        if let Some(end) = ends.into_iter().flatten().min() {
            query.push(" AND id < ").push_bind(id_at(end.saturating_add(ID_SLACK)));
        }
        if let Some(from) = self.created.from {
            query.push(" AND created_at >= ").push_bind(from);
            query.push(" AND id >= ").push_bind(id_at(from.saturating_sub(ID_SLACK)));
        }
        if let Some(from) = self.updated.from {
            query.push(" AND id IN (SELECT id FROM exchanges WHERE tenant = ");
            query.push_bind(tenant.to_owned());
            query.push(" AND updated_at >= ").push_bind(from).push(")");
        }
    }
}

const COLUMNS: &str = "SELECT id, role, state, protocol, invitation_id, thread_id, my_did, their_did, \
     their_label, alias, invitation_key, invitation_did, pending_for, auto_accept, \
     multi_use, label, did_method, deadline_at, goal_code, goal, metadata, machine, \
     created_at, updated_at, version, my_key FROM exchanges WHERE tenant = ";

impl ExchangeRow {
    /// The state machine.
    pub fn machine(&self) -> Result<Exchange, StoreError> {
        serde_json::from_str(&self.machine).map_err(|_| StoreError::corrupt("exchanges.machine"))
    }

    /// Replaces the state machine, and nothing that shows of it.
    pub fn set_machine(&mut self, machine: &Exchange) -> Result<(), StoreError> {
        self.machine =
            serde_json::to_string(machine).map_err(|_| StoreError::corrupt("exchanges.machine"))?;
        Ok(())
    }
}

impl Work {
    /// Keeps a new handshake.
    pub fn insert_exchange(&mut self, row: &ExchangeRow) {
        self.hold_exchange(row, true);
    }

    /// Stores what changes of a handshake. The caller has set the version.
    pub fn update_exchange(&mut self, row: &ExchangeRow) {
        self.hold_exchange(row, false);
    }

    /// A handshake, as it is in this work.
    pub async fn exchange(&mut self, id: &str) -> Result<Option<ExchangeRow>, StoreError> {
        let values = values![self.tenant(), id];
        Ok(self.fetch(&format!("{COLUMNS}$1 AND id = $2"), values).await?.pop())
    }

    pub(super) fn write_new_exchange(&mut self, row: &ExchangeRow) {
        self.write(
            "INSERT INTO exchanges (tenant, id, role, state, protocol, invitation_id, \
     thread_id, my_did, their_did, their_label, alias, invitation_key, \
     invitation_did, pending_for, auto_accept, multi_use, label, did_method, \
     deadline_at, goal_code, goal, metadata, machine, created_at, updated_at, \
     version, my_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)",
            values![
                self.tenant(),
                &row.id,
                row.role,
                row.state,
                row.protocol,
                &row.invitation_id,
                &row.thread_id,
                &row.my_did,
                &row.their_did,
                &row.their_label,
                &row.alias,
                &row.invitation_key,
                &row.invitation_did,
                &row.pending_for,
                row.auto_accept,
                row.multi_use,
                &row.label,
                row.did_method,
                row.deadline_at,
                &row.goal_code,
                &row.goal,
                &row.metadata,
                &row.machine,
                row.created_at,
                row.updated_at,
                row.version,
                &row.my_key
            ],
        );
    }

    pub(super) fn write_exchange(&mut self, row: &ExchangeRow) {
        self.write(
            "UPDATE exchanges SET state = $3, protocol = $4, thread_id = $5, my_did = $6, \
     their_did = $7, their_label = $8, pending_for = $9, deadline_at = $10, machine \
     = $11, updated_at = $12, version = $13, alias = $14, label = $15, goal_code = \
     $16, goal = $17, metadata = $18, my_key = $19 WHERE tenant = $1 AND id = $2",
            values![
                self.tenant(),
                &row.id,
                row.state,
                row.protocol,
                &row.thread_id,
                &row.my_did,
                &row.their_did,
                &row.their_label,
                &row.pending_for,
                row.deadline_at,
                &row.machine,
                row.updated_at,
                row.version,
                &row.alias,
                &row.label,
                &row.goal_code,
                &row.goal,
                &row.metadata,
                &row.my_key
            ],
        );
    }

    /// Gives the record of a connection's handshake the owner's words for the connection.
    pub fn rename_exchange(&mut self, id: &str, alias: &str, metadata: &str) {
        self.write(
            "UPDATE exchanges SET alias = $3, metadata = $4 WHERE tenant = $1 AND id = $2",
            values![self.tenant(), id, alias, metadata],
        );
    }

    /// Removes a handshake, with the keys that led to it.
    pub fn delete_exchange(&mut self, id: &str) {
        for statement in [
            "DELETE FROM exchanges WHERE tenant = $1 AND id = $2",
            "DELETE FROM peers WHERE tenant = $1 AND exchange_id = $2",
        ] {
            self.write(statement, values![self.tenant(), id]);
        }
    }

    /// Removes a handshake's record alone: its connection stays, and the keys that lead to it.
    pub fn delete_exchange_record(&mut self, id: &str) {
        self.write(
            "DELETE FROM exchanges WHERE tenant = $1 AND id = $2",
            values![self.tenant(), id],
        );
    }

    /// Notes that messages from these keys to our key belong to a handshake, and to its connection.
    /// Forgets the pairs of keys of an exchange or connection; of one key of ours, if it is given.
    pub fn delete_peers(&mut self, exchange_id: &str, my_key: Option<&str>) {
        self.write(
            "DELETE FROM peers WHERE tenant = $1 AND exchange_id = $2 AND ($3 IS NULL OR my_key = $3)",
            values![self.tenant(), exchange_id, my_key],
        );
    }

    /// Notes which exchange or connection pairs of keys belong to.
    pub fn insert_peers(
        &mut self,
        my_key: &str,
        their_keys: impl IntoIterator<Item = String>,
        exchange_id: &str,
    ) {
        for their_key in their_keys {
            self.write(
                "INSERT INTO peers (tenant, my_key, their_key, exchange_id) VALUES ($1, $2, $3, \
             $4) ON CONFLICT (tenant, my_key, their_key) DO UPDATE SET exchange_id = \
             excluded.exchange_id",
                values![self.tenant(), my_key, their_key, exchange_id],
            );
        }
    }
}

impl Store {
    /// A handshake.
    pub async fn exchange(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<Option<ExchangeRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned()).push(" AND id = ").push_bind(id.to_owned());
        query.optional(self.read(tenant).await?).await
    }

    /// The handshakes with a thread: at most one for each role, unless a peer chose another's thread.
    pub async fn exchanges_of_thread(
        &self,
        tenant: &str,
        thread_id: &str,
    ) -> Result<Vec<ExchangeRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query
            .push_bind(tenant.to_owned())
            .push(" AND thread_id = ")
            .push_bind(thread_id.to_owned());
        query.push(" ORDER BY id LIMIT 16");
        query.all(self.read(tenant).await?).await
    }

    /// A page of handshakes.
    pub async fn exchanges(
        &self,
        tenant: &str,
        filter: &ExchangeFilter,
        page: &Page,
    ) -> Result<Vec<ExchangeRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned());
        for (column, value) in [("state", filter.state), ("role", filter.role)] {
            if value != 0 {
                query.push(" AND ").push(column).push(" = ").push_bind(value);
            }
        }
        for (column, value) in [
            ("invitation_id", &filter.invitation_id),
            ("alias", &filter.alias),
            ("my_did", &filter.my_did),
            ("their_did", &filter.their_did),
            ("invitation_key", &filter.invitation_key),
        ] {
            if !value.is_empty() {
                query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
            }
        }
        filter.push_times(tenant, &mut query);
        page.push(&mut query);
        query.all(self.read(tenant).await?).await
    }

    /// Handshakes whose deadline has passed: tenant and id.
    pub async fn due_exchanges(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self
            .read(Tenants::All)
            .await?
            .all(
                "SELECT tenant, id FROM exchanges WHERE deadline_at <= $1 LIMIT $2",
                values![now, limit],
            )
            .await?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_their_time() {
        let id = "0190a1b2-c3d4-7000-8000-000000000000";
        let time = 0x0190_a1b2_c3d4;
        assert!(id_at(time).as_str() <= id && id < id_at(time + 1).as_str());
        assert_eq!([id_at(-1), id_at(i64::MAX)], ["00000000-0000", "ffffffff-ffff"]);
    }
}
