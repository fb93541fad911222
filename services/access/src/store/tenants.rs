//! Tenants.

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::time_to_proto;
use entente_store::{Query, StoreError, Tenants, values};
use prost::Message as _;
use sqlx::FromRow;

use super::Store;

/// The state of a tenant of which nothing is left but its id.
pub(crate) const DELETED: i32 = 4;

/// The scope of works on tenants.
const SCOPE: &str = "tenants";
const COLUMNS: &str = "SELECT tenant, label, state, quotas, settings, request, deleted_at, created_at, \
     updated_at FROM tenants WHERE ";

/// A tenant.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct TenantRow {
    pub tenant: String,
    pub label: String,
    pub state: i32,
    pub quotas: Vec<u8>,
    /// JSON.
    pub settings: String,
    /// The digest of the request that made it.
    pub request: Vec<u8>,
    pub deleted_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl TenantRow {
    /// The quotas.
    pub fn quotas(&self) -> Result<pb::Quotas, StoreError> {
        pb::Quotas::decode(self.quotas.as_slice()).map_err(|_| StoreError::corrupt("quotas"))
    }
}

impl TryFrom<TenantRow> for pb::Tenant {
    type Error = StoreError;

    fn try_from(row: TenantRow) -> Result<Self, StoreError> {
        let settings =
            serde_json::from_str(&row.settings).map_err(|_| StoreError::corrupt("settings"))?;
        Ok(Self {
            quotas: Some(row.quotas()?),
            id: row.tenant,
            label: row.label,
            state: row.state,
            settings,
            created_at: Some(time_to_proto(row.created_at)),
            updated_at: Some(time_to_proto(row.updated_at)),
        })
    }
}

impl Store {
    /// Makes sure that a tenant is there.
    pub async fn ensure_tenant(&self, id: &str, now: i64) -> Result<(), StoreError> {
        if self.tenant(id).await?.is_some() {
            return Ok(());
        }
        let row = TenantRow {
            tenant: id.to_owned(),
            label: String::new(),
            state: pb::TenantState::Active.into(),
            quotas: Vec::new(),
            settings: "{}".to_owned(),
            request: Vec::new(),
            deleted_at: None,
            created_at: now,
            updated_at: now,
        };
        self.insert_tenant(&row, "").await.map(drop)
    }

    /// A tenant, also one that is deleted.
    pub async fn tenant(&self, id: &str) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("{COLUMNS}tenant = $1");
        self.database.read(id).await?.optional(&sql, values![id]).await
    }

    /// The tenant that a request made.
    pub async fn tenant_of_request(&self, id: &str) -> Result<Option<TenantRow>, StoreError> {
        let sql = format!("{COLUMNS}request_id = $1");
        self.database.read(Tenants::All).await?.optional(&sql, values![id]).await
    }

    /// Tenants after one, in the order of their ids; those that are deleted are not among them.
    pub async fn tenants(
        &self,
        after: &str,
        state: i32,
        limit: i64,
    ) -> Result<Vec<TenantRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push("tenant > ").push_bind(after.to_owned());
        match state {
            0 => query.push(" AND state < ").push_bind(DELETED),
            state => query.push(" AND state = ").push_bind(state),
        };
        query.push(" ORDER BY tenant LIMIT ").push_bind(limit);
        query.all(self.database.read(Tenants::All).await?).await
    }

    /// Adds a tenant; false if its id or its request has one already.
    pub async fn insert_tenant(
        &self,
        row: &TenantRow,
        request_id: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let request_id = Some(request_id).filter(|id| !id.is_empty());
        let added = transaction
            .execute(
                "INSERT INTO tenants (tenant, label, state, quotas, settings, request_id, request, created_at, \
                 updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
                values![
                    &row.tenant,
                    &row.label,
                    row.state,
                    &row.quotas,
                    &row.settings,
                    request_id,
                    &row.request,
                    row.created_at
                ],
            )
            .await?;
        transaction.commit::<()>().await?;
        Ok(added > 0)
    }

    /// Changes a tenant that is not being deleted, by what it is now. Nothing if it is, or is not there.
    pub async fn update_tenant(
        &self,
        id: &str,
        now: i64,
        change: impl FnOnce(&mut TenantRow) + Send,
    ) -> Result<Option<TenantRow>, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let sql = format!("{COLUMNS}tenant = $1 AND state < $2");
        let deleting = i32::from(pb::TenantState::Deleting);
        let found = transaction.fetch::<TenantRow>(&sql, values![id, deleting]).await?.pop();
        let Some(mut row) = found else { return Ok(None) };
        change(&mut row);
        row.updated_at = now;
        transaction.write(
            "UPDATE tenants SET label = $2, state = $3, quotas = $4, settings = $5, updated_at = $6 \
             WHERE tenant = $1",
            values![id, &row.label, row.state, &row.quotas, &row.settings, now],
        );
        transaction.commit::<()>().await?;
        Ok(Some(row))
    }

    /// Begins to delete a tenant: its callers are gone at once.
    pub async fn begin_deletion(&self, id: &str, now: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        transaction.write(
            "UPDATE tenants SET state = $2, deleted_at = $3, updated_at = $3 WHERE tenant = $1 AND state < $2",
            values![id, i32::from(pb::TenantState::Deleting), now],
        );
        transaction.write("DELETE FROM api_keys WHERE tenant = $1", values![id]);
        transaction.commit::<()>().await.map(drop)
    }

    /// Nothing is left of a tenant but its id.
    pub async fn end_deletion(&self, id: &str, now: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        transaction.write("DELETE FROM api_keys WHERE tenant = $1", values![id]);
        transaction.write(
            "UPDATE tenants SET state = $2, label = '', settings = '{}', quotas = $3, updated_at = $4 \
             WHERE tenant = $1",
            values![id, DELETED, Vec::<u8>::new(), now],
        );
        transaction.commit::<()>().await.map(drop)
    }
}
