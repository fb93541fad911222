//! SQLite behind one connection that writes and some that read.
//!
//! Each connection is a thread of its own, and a crossing to it costs more than most statements. So connections are held
//! here rather than in a pool, which crosses once more for every return.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::StoreError;
use crate::transaction::{Lease, Transaction, Waiting};
use crate::writer::Writer;

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many connections read at the same time.
const READERS: usize = 4;

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on the disk: it survives the loss of power.
    Full,
    /// A commit survives the death of the process; the last ones may be lost with the power. For caches.
    Process,
}

/// A database: cheap to clone, shared by all tasks of a service.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Mutex<Option<Writer>>>,
    /// How many works wait for the writer.
    waiting: Arc<AtomicUsize>,
    readers: Arc<Readers>,
}

struct Readers {
    options: SqliteConnectOptions,
    /// Opened when they are first needed.
    connections: [Arc<Mutex<Option<SqliteConnection>>>; READERS],
    permits: Arc<Semaphore>,
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
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864");
        let mut connection = options.connect().await?;
        migrations.run(&mut connection).await?;
        let permits = Arc::new(Semaphore::new(READERS));
        let readers = Readers { options, connections: Default::default(), permits };
        Ok(Self {
            writer: Arc::new(Mutex::new(Some(Writer::new(connection)))),
            waiting: Arc::default(),
            readers: Arc::new(readers),
        })
    }

    /// Begins a write transaction. It holds the write lock from its first statement, and works come one after the other:
    /// what it reads stays true until it commits. Keep it short and call no service inside it.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn write(&self) -> Result<Transaction, StoreError> {
        let waiting = Waiting::new(self, &self.waiting);
        let mut lease = self.lease().await?;
        waiting.serve();
        if lease.0.is_unfinished() {
            lease = lease.cleaned_up(false).await?;
        }
        Ok(Transaction::new(lease, self.clone()))
    }

    /// The connection that writes, for one statement that is a transaction of its own.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn alone(&self) -> Result<Lease, StoreError> {
        let lease = self.lease().await?;
        if lease.0.is_open() { lease.cleaned_up(true).await } else { Ok(lease) }
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        let lock = timeout(PATIENCE, Arc::clone(&self.writer).lock_owned()).await;
        let writer = lock.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        OwnedMutexGuard::try_map(writer, Option::as_mut)
            .map(Lease)
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolClosed))
    }

    /// Whether a work waits for the writer.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    pub(crate) fn stop_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Sees to it that a work that was dropped is taken back, and that what works left open is committed, if no other
    /// work comes that does it.
    pub(crate) fn settle(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let database = self.clone();
        runtime.spawn(async move {
            let mut writer = database.writer.lock().await;
            if let Some(writer) = writer.as_mut() {
                writer.clean_up().await;
                if !database.is_wanted() {
                    let _ = writer.commit().await;
                }
            }
        });
    }

    /// A connection for reads outside a transaction.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        let permit = timeout(PATIENCE, Arc::clone(&self.readers.permits).acquire_owned()).await;
        let permit = permit
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolClosed))?;
        let mut free = self
            .readers
            .connections
            .iter()
            .filter_map(|connection| Arc::clone(connection).try_lock_owned().ok());
        let mut slot = free.next().ok_or(StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        if slot.is_none() {
            *slot = Some(self.readers.options.connect().await?);
        }
        let connection = OwnedMutexGuard::try_map(slot, Option::as_mut)
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolClosed))?;
        Ok(Reader { connection, _permit: permit })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&mut *self.read().await?).await?;
        Ok(())
    }

    /// Closes the database, after the work under way.
    pub async fn close(&self) {
        // Rolls back what was left unfinished.
        drop(self.alone().await);
        self.readers.permits.close();
        let writer = self.writer.lock().await.take().map(|writer| writer.connection);
        let mut connections: Vec<_> = writer.into_iter().collect();
        for reader in &self.readers.connections {
            connections.extend(reader.lock().await.take());
        }
        for connection in connections {
            if let Err(error) = connection.close().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a database connection did not close"
                );
            }
        }
    }
}

/// A connection that reads, for as long as it is held.
pub struct Reader {
    connection: OwnedMappedMutexGuard<Option<SqliteConnection>, SqliteConnection>,
    // Given back after the connection, so that who has a permit finds a connection.
    _permit: OwnedSemaphorePermit,
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
