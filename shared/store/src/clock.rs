//! The clock of a database.

use crate::{Database, StoreError};

impl Database {
    /// The clock of a database's server, in Unix milliseconds; `None` for SQLite, which has this machine's.
    ///
    /// # Errors
    /// When the URL is not of a database, or it cannot be asked.
    pub async fn clock(url: &str) -> Result<Option<i64>, StoreError> {
        if url.starts_with("sqlite:") {
            return Ok(None);
        }
        let mut connection = Self::opener_of(url)?.open().await?;
        let sql = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";
        let answer = connection.all::<(i64,)>(sql, Vec::new()).await;
        connection.close().await;
        Ok(answer?.first().map(|(clock,)| *clock))
    }
}
