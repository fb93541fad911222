//! A connection to either database.

use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection, SqliteConnection,
};

use tokio::time::timeout;

use crate::batch::Batch;
use crate::gate::through;
use crate::tenants::{SETTING, Tenants};
use crate::{StoreError, Value, value};

/// How long a server may take for a statement, which waits for locks for 20 s. One that is silent for longer is away: the
/// network may have gone without a word.
const SILENCE: Duration = Duration::from_secs(25);

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
        /// Whether the server left a statement unanswered.
        silent: bool,
    },
}

impl Connection {
    /// Whether nobody shall use it again.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Postgres { silent: true, .. })
    }

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
            Self::Postgres { connection, named, silent, .. } => {
                let query = sqlx::query_as_with(text, value::postgres(values)?);
                answered(silent, query.persistent(*named).fetch_all(connection)).await?
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
            Self::Postgres { connection, named, silent, .. } => {
                let query = sqlx::query_with(text, value::postgres(values)?).persistent(*named);
                answered(silent, query.execute(connection)).await?.rows_affected()
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
            Self::Postgres { connection, silent, .. } => {
                let sql = AssertSqlSafe(batch.into_literals()?);
                let rows = answered(silent, connection.fetch_all(sqlx::raw_sql(sql))).await?;
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
            Self::Postgres { connection, silent, .. } => {
                let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                answered(silent, connection.execute(sql)).await?;
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
        let Self::Postgres { connection, tenants: shown, silent, .. } = self else { return Ok(()) };
        *shown = None;
        let set = AssertSqlSafe(format!("SET {SETTING} = {tenants}"));
        answered(silent, connection.execute(sqlx::raw_sql(set))).await?;
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

/// The answer to a statement, unless the server is silent.
async fn answered<T>(
    silent: &mut bool,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    if !*silent && let Ok(answer) = timeout(SILENCE, statement).await {
        return answer;
    }
    *silent = true;
    Err(sqlx::Error::Io(ErrorKind::TimedOut.into()))
}
