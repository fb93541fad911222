//! SQLite behind two pools: one connection that writes, some that read.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite};

use crate::StoreError;

/// A write transaction. Dropped without `commit`, it is rolled back.
pub type Transaction = sqlx::Transaction<'static, Sqlite>;

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on the disk: it survives the loss of power.
    Full,
    /// A commit survives the death of the process; the last ones may be lost with the power. For caches.
    Process,
}

/// A database: cheap to clone, shared by all tasks of a service.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Database {
    /// Opens a SQLite file, made if it does not exist, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened or a migration fails.
    pub async fn open(
        path: &Path,
        durability: Durability,
        migrations: &Migrator,
    ) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        Self::with(options, durability, migrations).await
    }

    /// Opens a database by URL, `sqlite:path`.
    ///
    /// # Errors
    /// When the URL is not one that this build supports, or as [`Database::open`].
    pub async fn connect(
        url: &str,
        durability: Durability,
        migrations: &Migrator,
    ) -> Result<Self, StoreError> {
        if !url.starts_with("sqlite:") {
            return Err(StoreError::Url(url.split(':').next().unwrap_or_default().to_owned()));
        }
        let options = SqliteConnectOptions::from_str(url)?.create_if_missing(true);
        Self::with(options, durability, migrations).await
    }

    async fn with(
        options: SqliteConnectOptions,
        durability: Durability,
        migrations: &Migrator,
    ) -> Result<Self, StoreError> {
        let synchronous = match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Process => SqliteSynchronous::Normal,
        };
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .statement_cache_capacity(256)
            .pragma("temp_store", "memory")
            // A commit empties the readers' page caches; mapped pages cost them no copy.
            .pragma("mmap_size", "268435456")
            .pragma("journal_size_limit", "67108864");
        // One writer: SQLite has one anyway, and waiting in the pool is fair where its busy handler is not.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(20))
            .connect_with(options.clone())
            .await?;
        migrations.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(20))
            .connect_lazy_with(options);
        Ok(Self { writer, readers })
    }

    /// Begins a write transaction. It holds the write lock from the start, so that what it reads stays true until it
    /// commits; keep it short and call no service inside it.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn write(&self) -> Result<Transaction, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The connection that writes, for one statement that is a transaction of its own.
    #[must_use]
    pub fn autocommit(&self) -> &SqlitePool {
        &self.writer
    }

    /// The pool for reads outside a transaction.
    #[must_use]
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.readers.acquire().await?;
        Ok(connection.ping().await?)
    }

    /// Closes the pools, after the work under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
