//! API keys.

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::time_to_proto;
use entente_store::{StoreError, Tenants, values};
use sqlx::FromRow;

use super::Store;

const COLUMNS: &str = "SELECT tenant, id, name, roles, digest, previous, previous_until, created_at, \
     rotated_at, expires_at, last_used_at FROM api_keys WHERE ";

/// A key. Without `Debug`, though a digest is no secret.
#[derive(Clone, FromRow)]
pub(crate) struct ApiKeyRow {
    pub tenant: String,
    pub id: String,
    pub name: String,
    /// With commas between.
    pub roles: String,
    pub digest: Vec<u8>,
    pub previous: Option<Vec<u8>>,
    pub previous_until: Option<i64>,
    pub created_at: i64,
    pub rotated_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

impl From<ApiKeyRow> for pb::ApiKey {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            roles: row.roles.split(',').map(str::to_owned).collect(),
            created_at: Some(time_to_proto(row.created_at)),
            rotated_at: Some(time_to_proto(row.rotated_at)),
            expires_at: row.expires_at.map(time_to_proto),
            last_used_at: row.last_used_at.map(time_to_proto),
            previous_until: row.previous_until.map(time_to_proto),
        }
    }
}

impl Store {
    /// A key, of whichever tenant.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRow>, StoreError> {
        let sql = format!("{COLUMNS}id = $1");
        self.database.read(Tenants::All).await?.optional(&sql, values![id]).await
    }

    /// A tenant's keys after one, in the order of (age, id).
    pub async fn api_keys(
        &self,
        tenant: &str,
        after: (i64, &str),
        limit: i64,
    ) -> Result<Vec<ApiKeyRow>, StoreError> {
        let sql = format!(
            "{COLUMNS}tenant = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4"
        );
        let values = values![tenant, after.0, after.1, limit];
        self.database.read(tenant).await?.all(&sql, values).await
    }

    /// Adds a key unless the tenant has as many already, or is not there; false if so.
    pub async fn insert_api_key(&self, row: &ApiKeyRow, most: i64) -> Result<bool, StoreError> {
        let mut transaction = self.database.write(&row.tenant).await?;
        let added = transaction
            .execute(
                "INSERT INTO api_keys (tenant, id, name, roles, digest, created_at, rotated_at, expires_at) \
                 SELECT $1, $2, $3, $4, $5, $6, $6, $7 FROM tenants WHERE tenant = $1 AND state < 3 \
                 AND (SELECT COUNT(*) FROM api_keys WHERE tenant = $1) < $8",
                values![
                    &row.tenant,
                    &row.id,
                    &row.name,
                    &row.roles,
                    &row.digest,
                    row.created_at,
                    row.expires_at,
                    most
                ],
            )
            .await?;
        transaction.commit::<()>().await?;
        Ok(added > 0)
    }

    /// Gives a key a new digest, and gives what it is now; nothing if the tenant has no such key.
    pub async fn rotate_api_key(
        &self,
        tenant: &str,
        id: &str,
        change: impl FnOnce(&mut ApiKeyRow) + Send,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let mut transaction = self.database.write(tenant).await?;
        let sql = format!("{COLUMNS}tenant = $1 AND id = $2");
        let found = transaction.fetch::<ApiKeyRow>(&sql, values![tenant, id]).await?.pop();
        let Some(mut row) = found else { return Ok(None) };
        change(&mut row);
        transaction.write(
            "UPDATE api_keys SET digest = $3, previous = $4, previous_until = $5, rotated_at = $6, \
             expires_at = $7 WHERE tenant = $1 AND id = $2",
            values![
                tenant,
                id,
                &row.digest,
                row.previous.clone(),
                row.previous_until,
                row.rotated_at,
                row.expires_at
            ],
        );
        transaction.commit::<()>().await?;
        Ok(Some(row))
    }

    /// Removes a tenant's key; false if there was none.
    pub async fn delete_api_key(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.write(tenant).await?;
        let sql = "DELETE FROM api_keys WHERE tenant = $1 AND id = $2";
        let deleted = transaction.execute(sql, values![tenant, id]).await?;
        transaction.commit::<()>().await?;
        Ok(deleted > 0)
    }

    /// Writes down when keys were used: tenant, id and time.
    pub async fn use_api_keys(&self, uses: &[(String, String, i64)]) -> Result<(), StoreError> {
        let mut transaction = self.database.write_in("uses", Tenants::All).await?;
        for (tenant, id, time) in uses {
            transaction.write(
                "UPDATE api_keys SET last_used_at = $3 WHERE tenant = $1 AND id = $2 \
                 AND (last_used_at IS NULL OR last_used_at < $3)",
                values![tenant, id, *time],
            );
        }
        transaction.commit::<()>().await.map(drop)
    }
}
