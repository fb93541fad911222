//! The tables.

mod api_keys;
mod audit;
mod entities;
mod restored;
mod tenants;

use entente_store::{Database, Durability, Migrations, StoreError};

pub(crate) use api_keys::ApiKeyRow;
pub(crate) use audit::Scope;
pub(crate) use entities::{EntityRow, Moved};
pub use restored::begin_new_epoch;
pub(crate) use tenants::{DELETED, TenantRow};

/// The steps to the schema.
pub static MIGRATIONS: Migrations = Migrations {
    name: "access",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(url, Durability::Full, &MIGRATIONS).await? })
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    pub async fn close(&self) {
        self.database.close().await;
    }
}
