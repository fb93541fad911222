//! A copy of an SQLite database that is in use, and what logs need that were restored.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::StoreError;

/// By how much the numbers of a log rise when it is restored from a backup: what came after the backup is lost, and its
/// numbers must not be given to others.
pub const RESTORED_STEP: i64 = 1 << 40;

/// Writes an SQLite database, as it is at one moment, into a new file. Those who work on it need not stop; a copy is as
/// good as what it was made of, and is looked through before this returns. It has no room that is not used.
///
/// # Errors
/// When the database is not there or cannot be read, the file exists or cannot be written, or the copy is not in order.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(from);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let to_text = to.to_str().ok_or(StoreError::Url(to.display().to_string()))?;
    sqlx::query("VACUUM INTO $1").bind(to_text).execute(&mut connection).await?;
    connection.close().await?;
    check_sqlite(to).await
}

/// Looks through an SQLite database that nobody works on.
///
/// # Errors
/// When it is not there, or is not in order.
pub async fn check_sqlite(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let (found,): (String,) =
        sqlx::query_as("PRAGMA quick_check(1)").fetch_one(&mut connection).await?;
    connection.close().await?;
    if found == "ok" { Ok(()) } else { Err(StoreError::corrupt("database file")) }
}
