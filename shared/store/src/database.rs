//! SQLite behind one connection that writes and some that read, or PostgreSQL behind several of each.

use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::connection::{Connection, Record};
use crate::migrations::Migrations;
use crate::pool::{Lent, Opener, Pool};
use crate::stripe::Stripe;
use crate::tenants::{SETTING, Tenants};
use crate::writer::Writer;
use crate::{StoreError, Transaction, Value};

/// How many connections read at the same time: from a file, and from a server.
const READERS: (usize, usize) = (4, 8);
/// How many connections to a server write at the same time.
const WRITERS: usize = 8;
/// How many scopes of a server may be worked in at the same time, by all processes together.
const STRIPES: u32 = 64;

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
    stripes: Arc<[Stripe]>,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
}

impl Database {
    /// Opens a database by URL, and brings its schema up to date: `sqlite:path`, a file that is made if it does not
    /// exist, or `postgres://user@host/name`.
    ///
    /// # Errors
    /// When the URL is another one, the database cannot be opened, or a migration fails.
    pub async fn connect(
        url: &str,
        durability: Durability,
        migrations: &Migrations,
    ) -> Result<Self, StoreError> {
        match url.split_once(':') {
            Some(("sqlite", path)) => Self::sqlite(path, durability, migrations).await,
            Some(("postgres" | "postgresql", _)) => {
                Self::postgres(url, durability, migrations).await
            }
            scheme => Err(StoreError::Url(scheme.map_or(url, |(scheme, _)| scheme).to_owned())),
        }
    }

    /// The steps to the schema that a database has not taken yet: version and description, in their order.
    ///
    /// # Errors
    /// When the URL is not of a database, or it cannot be asked.
    pub async fn pending(
        url: &str,
        migrations: &Migrations,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        // A dry run makes no file.
        if let Some(("sqlite", path)) = url.split_once(':')
            && !std::path::Path::new(path).exists()
        {
            return Ok(migrations.all_for_sqlite());
        }
        let mut connection = Self::opener_of(url)?.open().await?;
        let pending = migrations.pending(&mut connection).await;
        connection.close().await;
        pending
    }

    /// Opens what is there already, and makes nothing.
    pub(crate) fn opener_of(url: &str) -> Result<Opener, StoreError> {
        Ok(match url.split_once(':') {
            Some(("sqlite", path)) => {
                Opener::Sqlite(Box::new(SqliteConnectOptions::new().filename(path)))
            }
            _ => Opener::postgres(url)?,
        })
    }

    async fn sqlite(
        path: &str,
        durability: Durability,
        migrations: &Migrations,
    ) -> Result<Self, StoreError> {
        let synchronous = match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Process => SqliteSynchronous::Normal,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
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
        let writers = Pool::new(Opener::Sqlite(Box::new(options.clone())), 1);
        migrations.run(writers.lend(None).await?.connection()?).await?;
        let writer = Writer::new(Arc::clone(&writers), "BEGIN IMMEDIATE".to_owned());
        let readers = Pool::new(Opener::Sqlite(Box::new(options)), READERS.0);
        Ok(Self { stripes: Arc::new([Stripe::new(writer)]), readers, writers })
    }

    async fn postgres(
        url: &str,
        durability: Durability,
        migrations: &Migrations,
    ) -> Result<Self, StoreError> {
        let opener = Opener::postgres(url)?;
        let writers = Pool::new(opener.clone(), WRITERS);
        let mut first = writers.lend(None).await?;
        migrations.run(first.connection()?).await?;
        warn_of_superuser(first.connection()?).await?;
        drop(first);
        let synchronous = match durability {
            Durability::Full => "",
            Durability::Process => "SET LOCAL synchronous_commit=off;",
        };
        let class = lock_key(migrations.name.as_bytes());
        let stripe = |key| {
            // A process that stands still must not keep the others from working.
            let begin = format!(
                "BEGIN;SET LOCAL lock_timeout='20s';SET LOCAL idle_in_transaction_session_timeout='5s';{synchronous}\
                 SELECT pg_advisory_xact_lock({class},{key})"
            );
            Stripe::new(Writer::new(Arc::clone(&writers), begin))
        };
        Ok(Self {
            stripes: (0..STRIPES).map(stripe).collect(),
            readers: Pool::new(opener, READERS.1),
            writers,
        })
    }

    /// Begins a write transaction on the rows of a tenant. Works of one tenant come one after the other, also those of
    /// other processes: what one reads stays true until it commits. Keep it short and call no service inside it.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn write(&self, tenant: &str) -> Result<Transaction, StoreError> {
        self.write_in(tenant, Tenants::One(tenant)).await
    }

    /// The same on the rows of others than one tenant: works of one scope come one after the other.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn write_in(
        &self,
        scope: &str,
        tenants: Tenants<'_>,
    ) -> Result<Transaction, StoreError> {
        self.stripe(scope)?.begin(tenants).await
    }

    /// Waits until all that works of a scope have done in this process is committed.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn settled(&self, scope: &str) -> Result<(), StoreError> {
        self.stripe(scope)?.settled().await
    }

    /// Those that write, and those that read.
    pub(crate) fn pools(&self) -> [Arc<Pool>; 2] {
        [Arc::clone(&self.writers), Arc::clone(&self.readers)]
    }

    pub(crate) fn opener(&self) -> &Opener {
        self.readers.opener()
    }

    fn stripe(&self, scope: &str) -> Result<&Stripe, StoreError> {
        let stripes = u32::try_from(self.stripes.len()).unwrap_or(STRIPES);
        let at = lock_key(scope.as_bytes()).unsigned_abs() % stripes.max(1);
        let stripe = usize::try_from(at).ok().and_then(|at| self.stripes.get(at));
        stripe.ok_or(StoreError::Unavailable(sqlx::Error::PoolClosed))
    }

    /// A connection for reads outside a transaction, of the rows of these tenants.
    ///
    /// # Errors
    /// When the database is away or too busy.
    pub async fn read<'a>(
        &self,
        tenants: impl Into<Tenants<'a>>,
    ) -> Result<Reader<'a>, StoreError> {
        let tenants = Some(tenants.into());
        Ok(Reader { lent: self.readers.lend(tenants).await?, tenants })
    }

    /// A connection for what is in no table.
    pub(crate) async fn ask(&self) -> Result<Reader<'static>, StoreError> {
        Ok(Reader { lent: self.readers.lend(None).await?, tenants: None })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.ask().await?.all::<()>("SELECT 1", Vec::new()).await.map(drop)
    }

    /// Closes the database, after the work under way.
    pub async fn close(&self) {
        for stripe in &*self.stripes {
            stripe.close().await;
        }
        self.readers.close().await;
    }
}

/// Row-level security holds the owner of the tables, and not who may pass it by.
async fn warn_of_superuser(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    if connection.all::<(bool,)>(sql, Vec::new()).await? == [(true,)] {
        tracing::warn!(
            "the database role is a superuser or has BYPASSRLS: nothing in the database keeps the rows of tenants apart; \
             use an ordinary role"
        );
    }
    Ok(())
}

/// A number for a name, the same in every process (FNV-1a).
fn lock_key(name: &[u8]) -> i32 {
    let hash = name
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed()
}

/// A connection that reads, for as long as it is held.
pub struct Reader<'a> {
    lent: Lent,
    tenants: Option<Tenants<'a>>,
}

impl Reader<'_> {
    /// All rows of a query with its parameters `$1`, `$2`, ….
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn all<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        if !self.lent.may_be_dead() {
            return self.try_all(sql, values).await;
        }
        match self.try_all(sql, values.clone()).await {
            Err(error) if self.lent.renewed(&error).await? => self.try_all(sql, values).await,
            read => read,
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn optional<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// The one row.
    ///
    /// # Errors
    /// When there is none, or the database cannot.
    pub async fn one<T: Record>(&mut self, sql: &str, values: Vec<Value>) -> Result<T, StoreError> {
        self.optional(sql, values).await?.ok_or(StoreError::NotFound)
    }

    async fn try_all<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        if !self.lent.needs_transactions() {
            let connection = self.lent.connection()?;
            if let Some(tenants) = self.tenants {
                connection.show(tenants).await?;
            }
            return connection.all(sql, values).await;
        }
        let show = |tenants| format!(";SET LOCAL {SETTING} = {tenants}");
        let begin = format!("BEGIN READ ONLY{}", self.tenants.map(show).unwrap_or_default());
        let transaction = self.lent.hold()?;
        transaction.run(&begin).await?;
        let rows = transaction.all(sql, values).await;
        let ended = transaction.run("COMMIT").await;
        self.lent.release();
        ended.and(rows)
    }
}
