//! What a store may say of a failure. The driver's text stays in the log.

/// A failure of the database, in the terms that a caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this key exists already.
    #[error("a row with this key exists already")]
    Duplicate(#[source] sqlx::Error),
    /// A row that must exist does not.
    #[error("the row does not exist")]
    NotFound,
    /// Another transaction got in between; the work may be repeated.
    #[error("another transaction changed the same rows")]
    Conflict,
    /// The database is away or too busy; the work may be repeated.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The commit that the work shared failed, and nothing of it is stored; the work may be repeated.
    #[error("the commit failed")]
    NotCommitted,
    /// A text has the character U+0000.
    #[error("a text has the character U+0000, which cannot be stored")]
    Text,
    /// A stored value cannot be read.
    #[error("the stored {what} cannot be read")]
    Corrupt {
        /// The column or type.
        what: &'static str,
    },
    /// The URL's scheme is not one that this build supports.
    #[error("database URL scheme {0:?} is not supported; use sqlite:path or postgres://host/name")]
    Url(String),
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Anything else: a bug, or a broken database.
    #[error("the database failed")]
    Internal(#[source] sqlx::Error),
}

impl StoreError {
    /// A stored value that cannot be read.
    #[must_use]
    pub fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }

    /// Whether the role that the database was opened with may not do the work.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        // PostgreSQL's insufficient_privilege.
        matches!(self, Self::Internal(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501"))
    }

    /// Whether the same work may succeed when it is repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable(_) | Self::NotCommitted)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                Self::Duplicate(error)
            }
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // SQLITE_BUSY, SQLITE_LOCKED and their extended codes; SQLITE_FULL.
                Some("5" | "6" | "261" | "262" | "517" | "13") => Self::Unavailable(error),
                // PostgreSQL's serialization_failure and deadlock_detected.
                Some("40001" | "40P01") => Self::Conflict,
                // lock_not_available, idle_in_transaction_session_timeout, and a database that takes no connections; connection exceptions, insufficient
                // resources and operator intervention.
                Some("55P03" | "25P03" | "55000") => Self::Unavailable(error),
                Some(code)
                    if ["08", "53", "57"].iter().any(|class| code.starts_with(class))
                        && code.len() == 5 =>
                {
                    Self::Unavailable(error)
                }
                _ => Self::Internal(error),
            },
            _ => Self::Internal(error),
        }
    }
}
