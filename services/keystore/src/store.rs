//! The tables. Nothing secret is here: keys come and go sealed.

mod creation;
mod master_key;

pub(crate) use creation::{Creator, Inserted};
pub(crate) use master_key::{Argon2Cost, MasterKeyRecord, MasterKeySource};

use entente_did::PublicKey;
use entente_store::{Database, Durability, Migrations, Query, StoreError, Tenants, values};
use prometheus_client::registry::Registry;

/// The steps to the schema.
pub static MIGRATIONS: Migrations = Migrations {
    name: "keystore",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// The scope of every work: a change of the master key excludes all others.
const EVERYTHING: &str = "";

/// A private key as it is stored.
#[derive(Clone)]
pub(crate) struct SealedKey {
    pub(crate) tenant: String,
    pub(crate) public: PublicKey,
    pub(crate) sealed: Vec<u8>,
}

/// What is public of a stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) public: PublicKey,
    /// Milliseconds since the epoch.
    pub(crate) created_at: i64,
    /// What it was made for, as the caller said.
    pub(crate) purpose: String,
    /// The first key of the call that made it; none for that first one.
    pub(crate) made_with: Option<PublicKey>,
}

/// The columns of a [`KeyRow`].
const COLUMNS: &str = "SELECT public_key, created_at, purpose, made_with FROM keys WHERE tenant = ";
type Columns = (String, i64, String, String);

impl KeyRow {
    fn read((key, created_at, purpose, made_with): Columns) -> Result<Self, StoreError> {
        let made_with = match made_with.as_str() {
            "" => None,
            first => Some(public_key(first)?),
        };
        Ok(Self { public: public_key(&key)?, created_at, purpose, made_with })
    }
}

/// The rows to be inserted for one request, all or none: at least one.
#[derive(Clone)]
pub(crate) struct NewKeys {
    pub(crate) keys: Vec<SealedKey>,
    pub(crate) request_id: Option<String>,
    pub(crate) purpose: String,
    pub(crate) created_at: i64,
}

#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(url, Durability::Full, &MIGRATIONS).await? })
    }

    /// Shows how much of the database's pools is used.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.database.register(registry);
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    pub(crate) async fn close(&self) {
        self.database.close().await;
    }

    /// Those of the keys that are stored, of whichever tenant, in one query.
    pub(crate) async fn sealed_keys(
        &self,
        keys: &[PublicKey],
    ) -> Result<Vec<SealedKey>, StoreError> {
        let mut query = Query::new("SELECT tenant, public_key, sealed FROM keys WHERE public_key");
        query.push_one_of(keys.iter().map(PublicKey::multibase));
        let rows: Vec<(String, String, Vec<u8>)> =
            query.all(self.database.read(Tenants::All).await?).await?;
        rows.into_iter()
            .map(|(tenant, key, sealed)| {
                Ok(SealedKey { tenant, public: public_key(&key)?, sealed })
            })
            .collect()
    }

    /// What is public of a tenant's key.
    pub(crate) async fn key(
        &self,
        tenant: &str,
        key: &PublicKey,
    ) -> Result<Option<KeyRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant).push(" AND public_key = ").push_bind(key.multibase());
        query.optional(self.database.read(tenant).await?).await?.map(KeyRow::read).transpose()
    }

    /// A tenant's keys after a place in the order of age, the oldest first; those made for a purpose, if one is given.
    pub(crate) async fn keys_after(
        &self,
        tenant: &str,
        purpose: &str,
        (created_at, key): (i64, &str),
        limit: i64,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant).push(" AND (created_at, public_key) > (");
        query.push_bind(created_at).push(", ").push_bind(key).push(")");
        if !purpose.is_empty() {
            query.push(" AND purpose = ").push_bind(purpose);
        }
        query.push(" ORDER BY created_at, public_key LIMIT ").push_bind(limit);
        let rows: Vec<Columns> = query.all(self.database.read(tenant).await?).await?;
        rows.into_iter().map(KeyRow::read).collect()
    }

    /// Deletes a tenant's key; false if there was none.
    pub(crate) async fn delete_key(
        &self,
        tenant: &str,
        key: &PublicKey,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::One(tenant)).await?;
        transaction.write(
            "DELETE FROM keys WHERE tenant = $1 AND public_key = $2 RETURNING public_key",
            values![tenant, key.multibase()],
        );
        let deleted: Vec<(String,)> = transaction.commit().await?;
        Ok(!deleted.is_empty())
    }

    /// Deletes a tenant's data key, at once, and then at most `limit` of its keys. Gives the keys that are gone.
    pub(crate) async fn delete_tenant(
        &self,
        tenant: &str,
        limit: i64,
    ) -> Result<Vec<PublicKey>, StoreError> {
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::One(tenant)).await?;
        transaction.write("DELETE FROM tenant_keys WHERE tenant = $1", values![tenant]);
        transaction.commit::<()>().await?;
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::One(tenant)).await?;
        transaction.write(
            "DELETE FROM keys WHERE tenant = $1 AND public_key IN (SELECT public_key FROM keys \
             WHERE tenant = $1 LIMIT $2) RETURNING public_key",
            values![tenant, limit],
        );
        let deleted: Vec<(String,)> = transaction.commit().await?;
        deleted.iter().map(|(key,)| public_key(key)).collect()
    }

    /// A tenant's wrapped data key.
    pub(crate) async fn tenant_key(&self, tenant: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT wrapped FROM tenant_keys WHERE tenant = $1";
        let found: Option<(Vec<u8>,)> =
            self.database.read(tenant).await?.optional(sql, values![tenant]).await?;
        Ok(found.map(|(wrapped,)| wrapped))
    }

    /// Stores a tenant's wrapped data key unless there is one, and gives the one that is stored. `Conflict` if
    /// `verifier` is no longer the master key's: another process has changed it.
    pub(crate) async fn add_tenant_key(
        &self,
        tenant: &str,
        wrapped: &[u8],
        verifier: &[u8],
        now: i64,
    ) -> Result<Vec<u8>, StoreError> {
        let mut transaction = self.database.write_in(EVERYTHING, Tenants::One(tenant)).await?;
        transaction.write(
            "INSERT INTO tenant_keys (tenant, wrapped, created_at) SELECT $1, $2, $3 FROM master_key \
             WHERE verifier = $4 ON CONFLICT DO NOTHING",
            values![tenant, wrapped, now, verifier],
        );
        transaction.write("SELECT wrapped FROM tenant_keys WHERE tenant = $1", values![tenant]);
        let stored = transaction.commit::<(Vec<u8>,)>().await?.pop().map(|(wrapped,)| wrapped);
        stored.ok_or(StoreError::Conflict)
    }
}

fn public_key(text: &str) -> Result<PublicKey, StoreError> {
    PublicKey::from_multibase(text).map_err(|_| StoreError::corrupt("public key"))
}
