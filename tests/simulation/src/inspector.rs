//! Looks into the database of an agent from beside it: what is committed, and nothing else, is seen.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};
use tokio::runtime::Runtime;

/// A connection beside those of a process.
pub struct Inspector {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Inspector {
    /// Of a database.
    pub fn of(database: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let options = SqliteConnectOptions::new().filename(database);
        let connection = runtime.block_on(options.connect()).unwrap();
        Self { runtime, connection }
    }

    /// The ids of the messages that wait to be delivered.
    pub fn outbox(&mut self) -> BTreeSet<String> {
        self.texts("SELECT message_id FROM outbox").into_iter().collect()
    }

    /// Whether a message is noted as one that had its effect.
    pub fn has_received(&mut self, id: &str) -> bool {
        let query = sqlx::query_as("SELECT COUNT(*) FROM inbox WHERE message_id = $1").bind(id);
        let (count,): (i64,) =
            self.runtime.block_on(query.fetch_one(&mut self.connection)).unwrap();
        count > 0
    }

    /// When something is due, the earliest first.
    pub fn due(&mut self) -> Option<i64> {
        let sql = "SELECT MIN(at) FROM (SELECT MIN(next_attempt_at) AS at FROM outbox UNION ALL \
             SELECT MIN(deadline_at) FROM exchanges UNION ALL SELECT MIN(deadline_at) FROM acceptances \
             UNION ALL SELECT MIN(expires_at) FROM invitations)";
        let query = sqlx::query_as(sql);
        let (at,) = self.runtime.block_on(query.fetch_one(&mut self.connection)).unwrap();
        at
    }

    /// Rows of two texts and a blob.
    pub fn sealed(&mut self, sql: &'static str) -> Vec<(String, String, Vec<u8>)> {
        let query = sqlx::query_as(AssertSqlSafe(sql));
        self.runtime.block_on(query.fetch_all(&mut self.connection)).unwrap()
    }

    fn texts(&mut self, sql: &'static str) -> Vec<String> {
        let query = sqlx::query_as(AssertSqlSafe(sql));
        let rows: Vec<(String,)> =
            self.runtime.block_on(query.fetch_all(&mut self.connection)).unwrap();
        rows.into_iter().map(|(text,)| text).collect()
    }
}

/// Brings what is in the write-ahead log of a database into its file.
pub fn empty_log(database: &Path) {
    let mut inspector = Inspector::of(database);
    let query = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
    inspector.runtime.block_on(query.execute(&mut inspector.connection)).unwrap();
}
