//! How a database differs from what the steps of a service make.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::connection::Connection;
use crate::migrations::Step;
use crate::{Database, Migrations, StoreError};

/// What a schema of SQLite has.
const SQLITE: &str = "SELECT type || ' ' || name || ': ' || sql FROM sqlite_master \
     WHERE sql IS NOT NULL AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
/// What the first schema of the search path has, of the tables $1: columns, indexes and policies.
const POSTGRES: &str = "\
    SELECT 'column ' || table_name || '.' || column_name || ': ' || data_type \
    || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END \
    || COALESCE(' DEFAULT ' || column_default, '') \
    FROM information_schema.columns \
    WHERE table_schema = current_schema() AND table_name = ANY($1) \
    UNION ALL SELECT 'index ' || indexname || ': ' || replace(indexdef, ' ' || current_schema() || '.', ' ') \
    FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ANY($1) \
    UNION ALL SELECT 'policy ' || tablename || '.' || policyname || ': ' || qual \
    FROM pg_policies WHERE schemaname = current_schema() AND tablename = ANY($1) \
    UNION ALL SELECT 'row security ' || relname || ': ' || relrowsecurity || ' ' || relforcerowsecurity \
    FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname = ANY($1)";

impl Database {
    /// How a database differs from what this program would make: steps that it lacks, does not know or has otherwise,
    /// and then tables, columns, indexes and policies; each as a text for people. It makes a schema beside, and takes it
    /// back; nothing is changed.
    ///
    /// # Errors
    /// When there is no such database, or it cannot be asked.
    pub async fn drift(url: &str, migrations: &Migrations) -> Result<Vec<String>, StoreError> {
        let mut connection = Self::opener_of(url)?.open().await?;
        let steps = migrations.compare(&mut connection).await?;
        let mut drift: Vec<String> = steps
            .iter()
            .map(|(step, version, description)| match step {
                Step::Missing => format!("step {version} ({description}) was not taken"),
                Step::Unknown => format!("step {version} ({description}) is of a newer version"),
                Step::Changed => format!("step {version} ({description}) was another one"),
            })
            .collect();
        if drift.is_empty() {
            let (is, should) = match &mut connection {
                Connection::Sqlite(connection) => sqlite(connection, migrations).await?,
                Connection::Postgres { connection, .. } => postgres(connection, migrations).await?,
            };
            drift.extend(should.difference(&is).map(|text| format!("there is no {text}")));
            drift.extend(is.difference(&should).map(|text| format!("no step makes {text}")));
        }
        connection.close().await;
        Ok(drift)
    }
}

type Schemas = (BTreeSet<String>, BTreeSet<String>);

async fn sqlite(
    connection: &mut SqliteConnection,
    migrations: &Migrations,
) -> Result<Schemas, StoreError> {
    let memory = SqliteConnectOptions::new().in_memory(true);
    let mut fresh = SqliteConnection::connect_with(&memory).await?;
    for step in migrations.sqlite.iter() {
        fresh.execute(sqlx::raw_sql(step.sql.clone())).await?;
    }
    let is = sqlx::query_scalar(SQLITE).fetch_all(connection).await?;
    let schemas: (Vec<String>, Vec<String>) =
        (is, sqlx::query_scalar(SQLITE).fetch_all(&mut fresh).await?);
    fresh.close().await?;
    Ok((schemas.0.into_iter().collect(), schemas.1.into_iter().collect()))
}

/// In one transaction, which is taken back: no statement gets a name, and nothing is left, also behind a proxy.
async fn postgres(
    connection: &mut PgConnection,
    migrations: &Migrations,
) -> Result<Schemas, StoreError> {
    let mut transaction = connection.begin().await?;
    let begin = "CREATE SCHEMA entente_as_it_should_be; \
                 SET LOCAL search_path = entente_as_it_should_be";
    let here: String = sqlx::query_scalar("SELECT current_schema()::text")
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.execute(sqlx::raw_sql(begin)).await?;
    for step in migrations.postgres.iter() {
        transaction.execute(sqlx::raw_sql(step.sql.clone())).await?;
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class \
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'",
    )
    .persistent(false)
    .fetch_all(&mut *transaction)
    .await?;
    let list = || sqlx::query_scalar::<_, String>(POSTGRES).bind(&tables).persistent(false);
    let should = list().fetch_all(&mut *transaction).await?;
    let back = format!("SET LOCAL search_path = \"{}\"", here.replace('"', "\"\""));
    transaction.execute(sqlx::raw_sql(AssertSqlSafe(back))).await?;
    let is = list().fetch_all(&mut *transaction).await?;
    transaction.rollback().await?;
    Ok((is.into_iter().collect(), should.into_iter().collect()))
}
