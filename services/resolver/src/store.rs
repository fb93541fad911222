//! The table of did:peer:4 forms.

use entente_store::{Database, Migrations, Query, StoreError, Tenants, values};

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

/// Keeps a long form, and when it was seen; it is asked some time later whether it is needed.
pub(crate) async fn put(
    database: &Database,
    tenant: &str,
    short: &str,
    long: &str,
    (seen_at, due_at): (i64, i64),
) -> Result<(), StoreError> {
    let mut transaction = database.write(tenant).await?;
    transaction.write(
        "INSERT INTO peer4 (tenant, short_form, long_form, seen_at, due_at, needless) \
         VALUES ($1, $2, $3, $4, $5, FALSE) ON CONFLICT (tenant, short_form) DO UPDATE SET \
         seen_at = excluded.seen_at, due_at = excluded.due_at, needless = FALSE",
        values![tenant, short, long, seen_at, due_at],
    );
    transaction.commit::<()>().await.map(drop)
}

/// Tenants and short forms of which it is time to say whether they are needed.
pub(crate) async fn due(
    database: &Database,
    now: i64,
    limit: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT tenant, short_form FROM peer4 WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    database.read(Tenants::All).await?.all(sql, values![now, limit]).await
}

/// Asks again after what is needed once it is twice as old, or after `most`; and after what is not in a while; what was not needed then
/// either goes, unless it was seen since a time.
pub(crate) async fn settle(
    database: &Database,
    tenant: &str,
    (needed, needless): (&[String], &[String]),
    (now, grace, most): (i64, i64, i64),
) -> Result<(), StoreError> {
    let mut transaction = database.write(tenant).await?;
    let mut write = |mut query: Query, dids: &[String]| {
        query.push(" AND tenant = ").push_bind(tenant).push(" AND short_form").push_one_of(dids);
        let (sql, values) = query.into_parts();
        transaction.write(&sql, values);
    };
    if !needless.is_empty() {
        let mut query = Query::new("DELETE FROM peer4 WHERE needless AND seen_at < ");
        query.push_bind(now - grace).push(" AND due_at <= ").push_bind(now);
        write(query, needless);
        let mut query = Query::new("UPDATE peer4 SET needless = TRUE, due_at = ");
        query.push_bind(now + grace).push(" WHERE due_at <= ").push_bind(now);
        write(query, needless);
    }
    if !needed.is_empty() {
        let mut query = Query::new("UPDATE peer4 SET needless = FALSE, due_at = ");
        query.push_bind(now).push(" + CASE WHEN seen_at > ").push_bind(now - grace);
        query.push(" THEN ").push_bind(grace).push(" WHEN seen_at < ").push_bind(now - most);
        query.push(" THEN ").push_bind(most).push(" ELSE ").push_bind(now);
        query.push(" - seen_at END WHERE due_at <= ").push_bind(now);
        write(query, needed);
    }
    transaction.commit::<()>().await.map(drop)
}
