//! A connection to either database.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, SqliteConnection,
};

use crate::batch::Batch;
use crate::gate::through;
use crate::tenants::{SETTING, Tenants};
use crate::{StoreError, Value, value};

/// What a row is read into: any `#[derive(FromRow)]`, or a tuple. Types must be those of the columns: `i64` for BIGINT,
/// `i32` for INTEGER.
pub trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres {
        connection: PgConnection,
        /// Whether statements may be prepared by name: not where a proxy gives each transaction another connection.
        named: bool,
        /// Whose rows the session shows.
        tenants: Option<String>,
    },
}

impl Connection {
    pub(crate) async fn all<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        // The text is made of literals of the services.
        let text = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_as_with(text, value::sqlite(values)?);
                through(sql, query.fetch_all(connection)).await?
            }
            Self::Postgres { connection, named, .. } => {
                let query = sqlx::query_as_with(text, value::postgres(values)?);
                query.persistent(*named).fetch_all(connection).await?
            }
        })
    }

    /// Carries a statement out, and says how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let text = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_with(text, value::sqlite(values)?);
                through(sql, query.execute(connection)).await?.rows_affected()
            }
            Self::Postgres { connection, named, .. } => {
                let query = sqlx::query_with(text, value::postgres(values)?).persistent(*named);
                query.execute(connection).await?.rows_affected()
            }
        })
    }

    /// Carries statements out in one round trip, and gives the rows that they return.
    pub(crate) async fn batch<T: Record>(&mut self, batch: Batch) -> Result<Vec<T>, StoreError> {
        let batch = match batch.into_single() {
            Ok((sql, values)) => return self.all(&sql, values).await,
            Err(batch) => batch,
        };
        match self {
            Self::Sqlite(_) => {
                let (sql, values) = batch.into_one();
                self.all(&sql, values).await
            }
            Self::Postgres { connection, .. } => {
                let sql = AssertSqlSafe(batch.into_literals()?);
                let rows = connection.fetch_all(sqlx::raw_sql(sql)).await?;
                Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
            }
        }
    }

    /// Carries out statements that have no parameters and give no rows.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
                through(sql, query.execute(connection)).await?;
            }
            Self::Postgres { connection, .. } => {
                connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
            }
        }
        Ok(())
    }

    /// Whether it shows the rows of these tenants, and no others. SQLite always shows all.
    pub(crate) fn shows(&self, tenants: Tenants<'_>) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres { tenants: shown, .. } => shown.as_deref() == Some(tenants.setting()),
        }
    }

    /// Shows the rows of these tenants, and no others, until it is told otherwise.
    pub(crate) async fn show(&mut self, tenants: Tenants<'_>) -> Result<(), StoreError> {
        if self.shows(tenants) {
            return Ok(());
        }
        let Self::Postgres { connection, tenants: shown, .. } = self else { return Ok(()) };
        *shown = None;
        let set = AssertSqlSafe(format!("SET {SETTING} = {tenants}"));
        connection.execute(sqlx::raw_sql(set)).await?;
        *shown = Some(tenants.setting().to_owned());
        Ok(())
    }

    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres { connection, .. } => connection.close().await,
        };
        if let Err(error) = closed {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a database connection did not close"
            );
        }
    }
}
