//! The table of did:peer:4 forms.

use entente_store::{Database, StoreError};
use sqlx::migrate::Migrator;

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

/// The long form that was seen for a short one.
pub(crate) async fn long_form(
    database: &Database,
    tenant: &str,
    short: &str,
) -> Result<Option<String>, StoreError> {
    let found =
        sqlx::query_scalar("SELECT long_form FROM peer4 WHERE tenant = $1 AND short_form = $2")
            .bind(tenant)
            .bind(short)
            .fetch_optional(&mut *database.read().await?)
            .await?;
    Ok(found)
}

/// Keeps a long form; nothing happens if it is there.
pub(crate) async fn insert(
    database: &Database,
    tenant: &str,
    short: &str,
    long: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO peer4 (tenant, short_form, long_form) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(tenant)
        .bind(short)
        .bind(long)
        .execute(&mut *database.alone().await?)
        .await?;
    Ok(())
}
