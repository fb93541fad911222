//! Entities.

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::time_to_proto;
use entente_store::{StoreError, Tenants, values};
use sqlx::FromRow;

use super::{ApiKeyRow, Store, api_keys};

/// The scope of works on entities, which may be moved from tenant to tenant.
const SCOPE: &str = "entities";
const COLUMNS: &str = "SELECT tenant, id, name, created_at, updated_at FROM entities WHERE ";

/// An entity.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct EntityRow {
    pub tenant: String,
    pub id: String,
    pub name: String,
    pub created_at: i64,
    pub updated_at: i64,
}

impl From<EntityRow> for pb::Entity {
    fn from(row: EntityRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            tenant: row.tenant,
            created_at: Some(time_to_proto(row.created_at)),
            updated_at: Some(time_to_proto(row.updated_at)),
        }
    }
}

/// What became of an entity that was to be changed.
pub(crate) enum Moved {
    /// As it is now.
    To(EntityRow),
    /// There is none.
    Unknown,
    /// Its keys are more than the tenant may have.
    TooMany,
}

impl Store {
    /// An entity, of whichever tenant.
    pub async fn entity(&self, id: &str) -> Result<Option<EntityRow>, StoreError> {
        let sql = format!("{COLUMNS}id = $1");
        self.database.read(Tenants::All).await?.optional(&sql, values![id]).await
    }

    /// Entities after one, in the order of their ids.
    pub async fn entities(&self, after: &str, limit: i64) -> Result<Vec<EntityRow>, StoreError> {
        let sql = format!("{COLUMNS}id > $1 ORDER BY id LIMIT $2");
        self.database.read(Tenants::All).await?.all(&sql, values![after, limit]).await
    }

    /// Adds an entity; false if there is one with its id, or its tenant is not there.
    pub async fn insert_entity(&self, row: &EntityRow) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let added = transaction
            .execute(
                "INSERT INTO entities (tenant, id, name, created_at, updated_at) \
                 SELECT $1, $2, $3, $4, $4 FROM tenants WHERE tenant = $1 AND state < 3 ON CONFLICT DO NOTHING",
                values![&row.tenant, &row.id, &row.name, row.created_at],
            )
            .await?;
        transaction.commit::<()>().await?;
        Ok(added > 0)
    }

    /// Changes an entity by what it is now. Its keys go with it to another tenant, which may have so many at the most.
    pub async fn update_entity(
        &self,
        id: &str,
        most: i64,
        change: impl FnOnce(&mut EntityRow) + Send,
    ) -> Result<Moved, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let sql = format!("{COLUMNS}id = $1");
        let found = transaction.fetch::<EntityRow>(&sql, values![id]).await?.pop();
        let Some(mut row) = found else { return Ok(Moved::Unknown) };
        let before = row.tenant.clone();
        change(&mut row);
        if row.tenant != before {
            let sql =
                "SELECT COUNT(*) FROM api_keys WHERE tenant = $1 OR tenant = $2 AND entity = $3";
            let keys: Vec<(i64,)> =
                transaction.fetch(sql, values![&row.tenant, &before, id]).await?;
            if keys.first().is_some_and(|(count,)| *count > most) {
                return Ok(Moved::TooMany);
            }
            transaction.write(
                "UPDATE api_keys SET tenant = $1 WHERE tenant = $2 AND entity = $3",
                values![&row.tenant, &before, id],
            );
        }
        transaction.write(
            "UPDATE entities SET tenant = $2, name = $3, updated_at = $4 WHERE id = $1",
            values![id, &row.tenant, &row.name, row.updated_at],
        );
        transaction.commit::<()>().await?;
        Ok(Moved::To(row))
    }

    /// Removes an entity with its keys; false if there was none.
    pub async fn delete_entity(&self, id: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        transaction.write("DELETE FROM api_keys WHERE entity = $1", values![id]);
        let sql = "DELETE FROM entities WHERE id = $1";
        let deleted = transaction.execute(sql, values![id]).await?;
        transaction.commit::<()>().await?;
        Ok(deleted > 0)
    }

    /// The chosen key with a digest. Its tenant is the entity's, wherever that is now.
    pub async fn chosen_key(&self, digest: &[u8]) -> Result<Option<ApiKeyRow>, StoreError> {
        let sql = format!("{}digest = $1 AND entity IS NOT NULL", api_keys::COLUMNS);
        let mut reader = self.database.read(Tenants::All).await?;
        let found: Option<ApiKeyRow> = reader.optional(&sql, values![digest]).await?;
        let Some(mut row) = found else { return Ok(None) };
        let owner = self.entity(row.entity.as_deref().unwrap_or_default()).await?;
        Ok(owner.map(|owner| {
            row.tenant = owner.tenant;
            row
        }))
    }

    /// Takes a key from an entity; false if it had none with this digest.
    pub async fn delete_chosen_key(&self, entity: &str, digest: &[u8]) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_in(SCOPE, Tenants::All).await?;
        let sql = "DELETE FROM api_keys WHERE digest = $1 AND entity = $2";
        let deleted = transaction.execute(sql, values![digest, entity]).await?;
        transaction.commit::<()>().await?;
        Ok(deleted > 0)
    }
}
