//! Databases for tests.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

/// A new database, which a test has for itself.
pub enum Place {
    /// A SQLite file, which does not exist yet.
    Sqlite(PathBuf),
    /// A PostgreSQL database that has no tables.
    Postgres(String),
}

impl Place {
    /// In a folder of the caller's.
    #[must_use]
    pub fn sqlite(folder: &Path) -> Self {
        Self::Sqlite(folder.join("test.db"))
    }

    /// On the tests' server: a URL without a database, of a user that may make databases. `None`, and loudly, where
    /// there is none.
    ///
    /// # Errors
    /// When the server does not make it.
    pub async fn postgres(server: Option<String>) -> Result<Option<Self>, sqlx::Error> {
        let Some(server) = server else {
            eprintln!("*** SKIPPED: no ENTENTE_TEST_POSTGRES; `make test` starts a PostgreSQL ***");
            return Ok(None);
        };
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&format!("{server}/postgres")).await?;
        let create = AssertSqlSafe(format!("CREATE DATABASE {name} STRATEGY wal_log"));
        connection.execute(sqlx::raw_sql(create)).await?;
        connection.close().await?;
        Ok(Some(Self::Postgres(format!("{server}/{name}"))))
    }

    /// A session of a test's own, on the database or (to see to it from outside) beside it.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn session(&self, beside: bool) -> Result<Session, sqlx::Error> {
        let mut url = self.url();
        if let Self::Sqlite(path) = self {
            let options = SqliteConnectOptions::new().filename(path);
            return Ok(Session::Sqlite(SqliteConnection::connect_with(&options).await?));
        }
        if beside && let Some((server, _)) = url.rsplit_once('/') {
            url = format!("{server}/postgres");
        }
        Ok(Session::Postgres(PgConnection::connect(&url).await?))
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// A session beside those of the program.
pub enum Session {
    /// On a SQLite file.
    Sqlite(SqliteConnection),
    /// On PostgreSQL.
    Postgres(PgConnection),
}

impl Session {
    /// Carries out statements.
    ///
    /// # Errors
    /// When one of them fails.
    pub async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => connection.execute(sql).await.map(drop),
            Self::Postgres(connection) => connection.execute(sql).await.map(drop),
        }
    }
}
