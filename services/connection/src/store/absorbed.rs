//! Connections that became part of another: their ids lead to it, and so do their keys.

use entente_store::{Query, StoreError, values};

use super::connections::{FIELDS, columns};
use super::{Connection, Store, Work};

const COLUMNS: &str = columns!("absorbed");
/// What an id leads to.
const KEPT: &str = "SELECT kept_id FROM absorbed WHERE tenant = $1 AND id = $2";

impl Connection {
    /// The same connection, to the peer as it knows it under other DIDs.
    fn known_as(self, absorbed: Self) -> Self {
        Self {
            id: self.id,
            alias: self.alias,
            metadata: self.metadata,
            reuses: self.reuses,
            last_seen_at: self.last_seen_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
            former_ids: self.former_ids,
            ..absorbed
        }
    }
}

impl Work {
    /// Makes a connection part of another, with what it absorbed itself. The record of its handshake goes; the keys that
    /// lead to it stay.
    pub fn absorb(&mut self, row: &Connection, kept_id: &str) {
        let insert = format!(
            "INSERT INTO absorbed (tenant, kept_id, {FIELDS}) SELECT tenant, $3, {FIELDS} \
             FROM connections WHERE tenant = $1 AND id = $2"
        );
        self.write(&insert, values![self.tenant(), &row.id, kept_id]);
        self.delete_connection(&row.id);
        self.delete_exchange_record(&row.id);
        for statement in [
            "UPDATE absorbed SET kept_id = $3 WHERE tenant = $1 AND kept_id = $2",
            "UPDATE acceptances SET connection_id = $3 WHERE tenant = $1 AND connection_id = $2",
            "UPDATE acceptances SET exchange_id = $3 WHERE tenant = $1 AND exchange_id = $2",
            "UPDATE basic_messages SET connection_id = $3 WHERE tenant = $1 AND connection_id = $2",
        ] {
            self.write(statement, values![self.tenant(), &row.id, kept_id]);
        }
    }

    /// The connection that the one of an id became part of.
    pub async fn kept_id(&mut self, id: &str) -> Result<Option<String>, StoreError> {
        let found: Vec<(String,)> = self.fetch(KEPT, values![self.tenant(), id]).await?;
        Ok(found.into_iter().next().map(|(id,)| id))
    }

    /// A connection that became part of another, as it last was.
    pub async fn absorbed(&mut self, id: &str) -> Result<Option<Connection>, StoreError> {
        let values = values![self.tenant(), id];
        Ok(self.fetch(&format!("{COLUMNS}$1 AND id = $2"), values).await?.pop())
    }

    /// All that became part of a connection.
    pub async fn absorbed_by(&mut self, kept_id: &str) -> Result<Vec<Connection>, StoreError> {
        let values = values![self.tenant(), kept_id];
        self.fetch(&format!("{COLUMNS}$1 AND kept_id = $2 ORDER BY id"), values).await
    }

    /// The connection of a message, by whose keys it came: as its sender knows it, who is answered from the DIDs that it
    /// wrote to.
    pub async fn connection_heard(&mut self, id: &str) -> Result<Option<Connection>, StoreError> {
        let Some(kept) = self.connection(id).await? else { return Ok(None) };
        if kept.id == id {
            return Ok(Some(kept));
        }
        Ok(self.absorbed(id).await?.map(|absorbed| kept.known_as(absorbed)))
    }

    /// Forgets what became part of a connection.
    pub fn delete_absorbed(&mut self, kept_id: &str) {
        self.write(
            "DELETE FROM absorbed WHERE tenant = $1 AND kept_id = $2",
            values![self.tenant(), kept_id],
        );
    }
}

impl Store {
    /// The connection that the one of an id became part of.
    pub async fn kept_id(&self, tenant: &str, id: &str) -> Result<Option<String>, StoreError> {
        let found = self.read(tenant).await?.optional(KEPT, values![tenant, id]).await?;
        Ok(found.map(|(id,): (String,)| id))
    }

    /// Of some ids those that lead to another connection, with it.
    pub async fn kept_ids(
        &self,
        tenant: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut query = Query::new("SELECT id, kept_id FROM absorbed WHERE tenant = ");
        query.push_bind(tenant).push(" AND id").push_one_of(ids);
        query.all(self.read(tenant).await?).await
    }

    /// All that became part of a connection.
    pub async fn absorbed_by(
        &self,
        tenant: &str,
        kept_id: &str,
    ) -> Result<Vec<Connection>, StoreError> {
        let sql = format!("{COLUMNS}$1 AND kept_id = $2 ORDER BY id");
        self.read(tenant).await?.all(&sql, values![tenant, kept_id]).await
    }
}
