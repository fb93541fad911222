//! Connections that are lent out. They are held here rather than in a pool of the driver's, which crosses to the
//! connection once more for every return.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::StoreError;
use crate::connection::Connection;
use crate::gate::through;
use crate::tenants::Tenants;

/// How long a caller waits for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a database may be away before a caller learns it, and once one has learnt it.
const AWAY: Duration = Duration::from_secs(5);
const STILL_AWAY: Duration = Duration::from_secs(1);

/// How connections are made.
#[derive(Clone)]
pub(crate) enum Opener {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres { options: Box<PgConnectOptions>, named: bool },
}

impl Opener {
    /// For `postgres://…`. With the parameter `pgbouncer=true` no session is relied on.
    pub(crate) fn postgres(url: &str) -> Result<Self, StoreError> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (ours, theirs): (Vec<_>, Vec<_>) = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .partition(|pair| *pair == "pgbouncer=true");
        let named = ours.is_empty();
        let url = if theirs.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", theirs.join("&"))
        };
        let mut options = PgConnectOptions::from_str(&url)?.application_name("entente");
        if named {
            options = options.statement_cache_capacity(512);
        } else {
            options = options.statement_cache_capacity(0).extra_float_digits(None);
        }
        Ok(Self::Postgres { options: Box::new(options), named })
    }

    /// Makes a connection. Who is away for a moment is waited for: a server that starts again, or the other process that
    /// is just making the same file.
    pub(crate) async fn open(&self) -> Result<Connection, StoreError> {
        self.open_within(AWAY).await
    }

    async fn open_within(&self, patience: Duration) -> Result<Connection, StoreError> {
        let since = Instant::now();
        loop {
            match self.try_open(patience).await {
                Err(error) if error.is_retryable() && since.elapsed() < patience => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                opened => return opened,
            }
        }
    }

    async fn try_open(&self, patience: Duration) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(options) => Connection::Sqlite(through("", options.connect()).await?),
            Self::Postgres { options, named } => {
                let connection = timeout(patience, options.connect()).await;
                let silent = |_| StoreError::Unavailable(sqlx::Error::PoolTimedOut);
                Connection::Postgres {
                    connection: connection.map_err(silent)??,
                    named: *named,
                    tenants: None,
                    silent: false,
                }
            }
        })
    }
}

/// Connections of one kind, up to a number.
pub(crate) struct Pool {
    opener: Opener,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    size: usize,
    /// The last connection could not be made: who comes next is told soon.
    away: AtomicBool,
}

impl Pool {
    pub(crate) fn new(opener: Opener, size: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(size));
        Arc::new(Self {
            opener,
            idle: Mutex::default(),
            permits,
            size,
            away: AtomicBool::new(false),
        })
    }

    /// Lends a connection: of those that came back, one that shows the rows of these tenants, else the last; or a new
    /// one.
    pub(crate) async fn lend(
        self: &Arc<Self>,
        tenants: Option<Tenants<'_>>,
    ) -> Result<Lent, StoreError> {
        let permit = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolClosed))?;
        let idle = {
            let mut idle = self.idle();
            let shows = |tenants| idle.iter().rposition(|connection| connection.shows(tenants));
            match tenants.and_then(shows) {
                Some(at) => Some(idle.remove(at)),
                None => idle.pop(),
            }
        };
        let used = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().await?,
        };
        Ok(Lent {
            connection: Some(connection),
            used,
            held: false,
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    async fn open(&self) -> Result<Connection, StoreError> {
        let patience = if self.away.load(Ordering::Relaxed) { STILL_AWAY } else { AWAY };
        let opened = self.opener.open_within(patience).await;
        self.away.store(matches!(&opened, Err(error) if error.is_retryable()), Ordering::Relaxed);
        opened
    }

    /// How many connections are lent at most.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many connections are lent.
    pub(crate) fn in_use(&self) -> usize {
        self.size.saturating_sub(self.permits.available_permits())
    }

    pub(crate) fn opener(&self) -> &Opener {
        &self.opener
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.opener, Opener::Postgres { .. })
    }

    /// Lends no more, and closes the connections that are not lent.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            connection.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is lent. Dropped, it goes back.
pub(crate) struct Lent {
    connection: Option<Connection>,
    /// Whether it has been used before, so that it may be dead by now.
    used: bool,
    /// Whether it is in the middle of something.
    held: bool,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    pub(crate) fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::Unavailable(sqlx::Error::WorkerCrashed))
    }

    /// Whether statements outside of a transaction cannot be relied on.
    pub(crate) fn needs_transactions(&self) -> bool {
        matches!(self.pool.opener, Opener::Postgres { named: false, .. })
    }

    /// The connection, which does not go back unless it is released.
    pub(crate) fn hold(&mut self) -> Result<&mut Connection, StoreError> {
        self.held = true;
        self.connection()
    }

    pub(crate) fn release(&mut self) {
        self.held = false;
    }

    /// Gives the connection up: nobody shall use it again.
    pub(crate) fn discard(&mut self) {
        self.connection = None;
    }

    /// Whether it may have died while nobody used it.
    pub(crate) fn may_be_dead(&self) -> bool {
        self.used && self.pool.is_postgres()
    }

    /// After a failure: puts a new connection in the place of one that died while nobody used it. False if it was not
    /// that.
    pub(crate) async fn renewed(&mut self, failure: &StoreError) -> Result<bool, StoreError> {
        if !self.may_be_dead() || !matches!(failure, StoreError::Unavailable(_)) {
            return Ok(false);
        }
        self.discard();
        // The others that lie there are as old.
        self.pool.idle().clear();
        self.connection = Some(self.pool.open().await?);
        (self.used, self.held) = (false, false);
        Ok(true)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.held
            && !connection.is_silent()
            && !self.pool.permits.is_closed()
        {
            self.pool.idle().push(connection);
        }
    }
}
