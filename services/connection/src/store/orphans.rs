//! Keys and DIDs of ours that nothing needs.

use std::collections::HashSet;

use entente_store::{Query, StoreError, values};
use sqlx::FromRow;

use super::Store;
use super::dids::UNUSED;

/// A DID of ours that invitations do not share.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct LookedAt {
    pub did: String,
    pub created_at: i64,
    /// Whether nothing needs it.
    pub unused: bool,
}

impl Store {
    /// Some of our DIDs after one, in their order.
    pub async fn look_at_dids(
        &self,
        tenant: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<LookedAt>, StoreError> {
        let sql = format!(
            "SELECT did, created_at, ({UNUSED}) AS unused FROM (SELECT * FROM dids \
             WHERE tenant = $1 AND did > $2 AND shared_as IS NULL ORDER BY did LIMIT $3) AS d \
             ORDER BY did"
        );
        self.read(tenant).await?.all(&sql, values![tenant, after, limit]).await
    }

    /// When one of our DIDs was made.
    pub async fn did_made_at(&self, tenant: &str, did: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT created_at FROM dids WHERE tenant = $1 AND did = $2";
        let found: Option<(i64,)> =
            self.read(tenant).await?.optional(sql, values![tenant, did]).await?;
        Ok(found.map(|(created_at,)| created_at))
    }

    /// Those of our keys that a record names.
    pub async fn keys_in_use(
        &self,
        tenant: &str,
        keys: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let places = [
            "peers WHERE my_key",
            "invitations WHERE key",
            "dids WHERE key",
            "exchanges WHERE my_key",
        ];
        self.named_in(tenant, keys, &places).await
    }

    /// Those of the DIDs, in their canonical form, that a record names as ours, a peer's or an inviter's.
    pub async fn dids_in_use(
        &self,
        tenant: &str,
        dids: &[String],
    ) -> Result<HashSet<String>, StoreError> {
        let places = [
            "connections WHERE their_did",
            "connections WHERE my_did",
            "connections WHERE first_did",
            "connections WHERE invitation_did",
            "acceptances WHERE canonical_did",
            "exchanges WHERE their_did",
            "exchanges WHERE my_did",
            "absorbed WHERE their_did",
            "absorbed WHERE my_did",
            "absorbed WHERE first_did",
            "dids WHERE did",
        ];
        Ok(self.named_in(tenant, dids, &places).await?.into_iter().collect())
    }

    /// Those of the values that a row of one of the places has, each a table and an indexed column.
    async fn named_in(
        &self,
        tenant: &str,
        values: &[String],
        places: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let Some((first, rest)) = values.split_first() else { return Ok(Vec::new()) };
        let mut query = Query::new("WITH wanted (name) AS (VALUES (");
        query.push_bind(first);
        for value in rest {
            query.push("), (").push_bind(value);
        }
        query.push(")) SELECT name FROM wanted WHERE ");
        // Of what many rows share, one is enough.
        for place in places {
            query.push("EXISTS (SELECT 1 FROM ").push(place).push(" = wanted.name AND tenant = ");
            query.push_bind(tenant).push(") OR ");
        }
        query.push("FALSE");
        let found: Vec<(String,)> = query.all(self.read(tenant).await?).await?;
        Ok(found.into_iter().map(|(name,)| name).collect())
    }

    /// Those of our keys that a connection or a waiting message has, by reading through them all: the last word before a
    /// key is called orphaned.
    pub async fn keys_of_connections(
        &self,
        tenant: &str,
        keys: &[String],
    ) -> Result<Vec<String>, StoreError> {
        let mut query = Query::new("");
        let places = [
            ("my_key", "connections"),
            ("prior_key", "connections"),
            ("my_key", "absorbed"),
            ("prior_key", "absorbed"),
            ("from_key", "outbox"),
        ];
        let mut between = "SELECT ";
        for (column, table) in places {
            query.push(between).push(column).push(" FROM ").push(table).push(" WHERE tenant = ");
            query.push_bind(tenant).push(" AND ").push(column).push_one_of(keys);
            between = " UNION SELECT ";
        }
        let found: Vec<(String,)> = query.all(self.read(tenant).await?).await?;
        Ok(found.into_iter().map(|(key,)| key).collect())
    }
}
