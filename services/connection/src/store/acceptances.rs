//! Invitations of others that we accepted.

use entente_store::{Query, StoreError, Tenants, values};
use sqlx::FromRow;

use super::{Page, Store, Work};

/// How far an acceptance is, with the numbers of the proto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptanceState {
    Received = 1,
    Pending = 2,
    Reused = 3,
    Connecting = 4,
    Refused = 5,
}

/// An acceptance as it is stored. Enumerations have the numbers of the proto.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Acceptance {
    pub id: String,
    pub invitation_id: String,
    pub invitation: String,
    pub url: String,
    pub invitation_did: String,
    pub canonical_did: Option<String>,
    pub state: i32,
    pub outcome: i32,
    pub reason: i32,
    pub candidates: String,
    pub rule: String,
    pub no_answer: i32,
    pub patience: i64,
    pub exchange_id: Option<String>,
    pub connection_id: Option<String>,
    pub thread_id: Option<String>,
    pub their_label: String,
    pub alias: String,
    pub label: String,
    pub auto_accept: bool,
    pub did_method: i32,
    pub deadline_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
}

/// Which acceptances.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct AcceptanceFilter {
    pub state: i32,
    pub invitation_id: String,
    pub connection_id: String,
}

const COLUMNS: &str = "SELECT id, invitation_id, invitation, url, invitation_did, canonical_did, state, \
     outcome, reason, candidates, rule, no_answer, patience, exchange_id, \
     connection_id, thread_id, their_label, alias, label, auto_accept, did_method, \
     deadline_at, created_at, updated_at, version FROM acceptances WHERE tenant = ";

impl Acceptance {
    /// Whether it is in a state.
    pub fn is(&self, state: AcceptanceState) -> bool {
        self.state == state as i32
    }
}

impl Work {
    /// An acceptance, as it is in this work.
    pub async fn acceptance(&mut self, id: &str) -> Result<Option<Acceptance>, StoreError> {
        let values = values![self.tenant(), id];
        Ok(self.fetch(&format!("{COLUMNS}$1 AND id = $2"), values).await?.pop())
    }

    /// The acceptance that a reuse's thread belongs to.
    pub async fn acceptance_of_thread(
        &mut self,
        thread_id: &str,
    ) -> Result<Option<Acceptance>, StoreError> {
        let values = values![self.tenant(), thread_id];
        let sql = format!("{COLUMNS}$1 AND thread_id = $2 ORDER BY id LIMIT 1");
        Ok(self.fetch(&sql, values).await?.pop())
    }

    /// The newest acceptance of an invitation.
    pub async fn acceptance_of_invitation(
        &mut self,
        invitation_id: &str,
    ) -> Result<Option<Acceptance>, StoreError> {
        let values = values![self.tenant(), invitation_id];
        let sql = format!("{COLUMNS}$1 AND invitation_id = $2 ORDER BY id DESC LIMIT 1");
        Ok(self.fetch(&sql, values).await?.pop())
    }

    /// The acceptances that began or follow an exchange, oldest first.
    pub async fn acceptances_of_exchange(
        &mut self,
        exchange_id: &str,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let values = values![self.tenant(), exchange_id];
        let sql = format!("{COLUMNS}$1 AND exchange_id = $2 ORDER BY id");
        self.fetch(&sql, values).await
    }

    /// Keeps a new acceptance.
    pub fn insert_acceptance(&mut self, row: &Acceptance) {
        self.write(
            "INSERT INTO acceptances (tenant, id, invitation_id, invitation, url, \
     invitation_did, canonical_did, state, outcome, reason, candidates, rule, \
     no_answer, patience, exchange_id, connection_id, thread_id, their_label, \
     alias, label, auto_accept, did_method, deadline_at, created_at, updated_at, \
     version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)",
            values![
                self.tenant(),
                &row.id,
                &row.invitation_id,
                &row.invitation,
                &row.url,
                &row.invitation_did,
                &row.canonical_did,
                row.state,
                row.outcome,
                row.reason,
                &row.candidates,
                &row.rule,
                row.no_answer,
                row.patience,
                &row.exchange_id,
                &row.connection_id,
                &row.thread_id,
                &row.their_label,
                &row.alias,
                &row.label,
                row.auto_accept,
                row.did_method,
                row.deadline_at,
                row.created_at,
                row.updated_at,
                row.version
            ],
        );
    }

    /// Stores what changes of an acceptance, with a new version.
    pub fn update_acceptance(&mut self, row: &mut Acceptance) {
        row.version += 1;
        row.updated_at = self.now();
        self.write(
            "UPDATE acceptances SET state = $3, outcome = $4, reason = $5, candidates = $6, \
     rule = $7, exchange_id = $8, connection_id = $9, thread_id = $10, deadline_at \
     = $11, updated_at = $12, version = $13 WHERE tenant = $1 AND id = $2",
            values![
                self.tenant(),
                &row.id,
                row.state,
                row.outcome,
                row.reason,
                &row.candidates,
                &row.rule,
                &row.exchange_id,
                &row.connection_id,
                &row.thread_id,
                row.deadline_at,
                row.updated_at,
                row.version
            ],
        );
    }

    /// Removes an acceptance.
    pub async fn delete_acceptance(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = self
            .execute(
                "DELETE FROM acceptances WHERE tenant = $1 AND id = $2",
                values![self.tenant(), id],
            )
            .await?;
        Ok(deleted == 1)
    }
}

impl Store {
    /// An acceptance.
    pub async fn acceptance(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<Option<Acceptance>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned()).push(" AND id = ").push_bind(id.to_owned());
        query.optional(self.read(tenant).await?).await
    }

    /// The acceptances that began or follow some exchanges; those of one oldest first.
    pub async fn acceptances_of_exchanges(
        &self,
        tenant: &str,
        exchange_ids: &[String],
    ) -> Result<Vec<Acceptance>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned()).push(" AND exchange_id");
        query.push_one_of(exchange_ids);
        // In the order of the index. By the id alone, every acceptance of the tenant would be read.
        query.push(" ORDER BY exchange_id, id");
        query.all(self.read(tenant).await?).await
    }

    /// A page of acceptances.
    pub async fn acceptances(
        &self,
        tenant: &str,
        filter: &AcceptanceFilter,
        page: &Page,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned());
        if filter.state != 0 {
            query.push(" AND state = ").push_bind(filter.state);
        }
        for (column, value) in
            [("invitation_id", &filter.invitation_id), ("connection_id", &filter.connection_id)]
        {
            if !value.is_empty() {
                query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
            }
        }
        page.push(&mut query);
        query.all(self.read(tenant).await?).await
    }

    /// Acceptances whose wait has ended: tenant and id.
    pub async fn due_acceptances(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self
            .read(Tenants::All)
            .await?
            .all(
                "SELECT tenant, id FROM acceptances WHERE deadline_at <= $1 LIMIT $2",
                values![now, limit],
            )
            .await?;
        Ok(rows)
    }
}
