//! Words between the processes that share a PostgreSQL database. They are hints: some may get lost.

use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::pool::Opener;
use crate::{Database, StoreError, values};

impl Database {
    /// Whether other processes may work on it at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.opener(), Opener::Postgres { .. })
    }

    /// Tells other processes something, each word once. Nothing happens where words do not get through.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn tell(&self, channel: &str, words: &[String]) -> Result<(), StoreError> {
        if !matches!(self.opener(), Opener::Postgres { named: true, .. }) {
            return Ok(());
        }
        let list = serde_json::Value::from(words).to_string();
        let sql =
            "SELECT pg_notify($1, word) IS NULL FROM json_array_elements_text($2::json) AS word";
        self.ask().await?.all::<(bool,)>(sql, values![channel, list]).await.map(drop)
    }

    /// Listens to a channel. `None` where words do not get through: on SQLite, and behind a proxy that gives each
    /// transaction another session.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn listen(&self, channel: &str) -> Result<Option<Words>, StoreError> {
        let Opener::Postgres { options, named: true } = self.opener() else { return Ok(None) };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with((**options).clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(channel).await?;
        Ok(Some(Words { listener }))
    }
}

/// What others tell.
pub struct Words {
    listener: PgListener,
}

impl Words {
    /// The next word; `None` when some may have been missed.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let word = self.listener.try_recv().await?;
        Ok(word.map(|word| word.payload().to_owned()))
    }
}
