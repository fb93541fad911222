//! The table of did:peer:4 forms.

use entente_store::{Database, Migrations, StoreError, values};

/// The steps to the schema.
pub static MIGRATIONS: Migrations = Migrations {
    name: "resolver",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// The long form that was seen for a short one.
pub(crate) async fn long_form(
    database: &Database,
    tenant: &str,
    short: &str,
) -> Result<Option<String>, StoreError> {
    let sql = "SELECT long_form FROM peer4 WHERE tenant = $1 AND short_form = $2";
    let found: Option<(String,)> =
        database.read(tenant).await?.optional(sql, values![tenant, short]).await?;
    Ok(found.map(|(long_form,)| long_form))
}

/// Keeps a long form; nothing happens if it is there.
pub(crate) async fn insert(
    database: &Database,
    tenant: &str,
    short: &str,
    long: &str,
) -> Result<(), StoreError> {
    let mut transaction = database.write(tenant).await?;
    transaction.write(
        "INSERT INTO peer4 (tenant, short_form, long_form) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values![tenant, short, long],
    );
    transaction.commit::<()>().await.map(drop)
}
