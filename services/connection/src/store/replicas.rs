//! The processes that share the tables, and who has which messages to send.

use entente_store::{StoreError, Tenants, values};

use super::{Store, Work};

impl Store {
    /// All replicas, in the order of their ids, with how often each has shown that it lives.
    pub async fn replicas(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.read(Tenants::All)
            .await?
            .all("SELECT id, beats FROM replicas ORDER BY id", values![])
            .await
    }
}

impl Work {
    /// Makes this replica known.
    pub fn insert_replica(&mut self) {
        let values = values![self.owner(), self.now()];
        self.write("INSERT INTO replicas (id, beats, started_at) VALUES ($1, 0, $2)", values);
    }

    /// Forgets all replicas, and what they read for.
    pub fn remove_all_replicas(&mut self) {
        for sql in ["DELETE FROM replicas", "DELETE FROM leases"] {
            self.write(sql, values![]);
        }
    }

    /// Shows that this replica lives; false if the others took it for dead.
    pub async fn beat(&mut self) -> Result<bool, StoreError> {
        let sql = "UPDATE replicas SET beats = beats + 1 WHERE id = $1";
        Ok(self.execute(sql, values![self.owner()]).await? == 1)
    }

    /// Removes a replica, unless it has shown that it lives since; false then.
    pub async fn remove_replica(&mut self, id: &str, beats: i64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM replicas WHERE id = $1 AND beats = $2";
        Ok(self.execute(sql, values![id, beats]).await? == 1)
    }

    /// Takes over the messages of replicas that are no more, which are due at once.
    pub async fn adopt_messages(&mut self) -> Result<u64, StoreError> {
        let sql = "UPDATE outbox SET owner = $1, next_attempt_at = $2 WHERE owner NOT IN (SELECT id FROM replicas)";
        self.execute(sql, values![self.owner(), self.now()]).await
    }

    /// Ends as a replica: another one, if there is one, has the messages from now on.
    pub fn leave(&mut self) {
        self.write("DELETE FROM replicas WHERE id = $1", values![self.owner()]);
        self.write(
            "UPDATE outbox SET owner = COALESCE((SELECT MIN(id) FROM replicas), $1), next_attempt_at = $2 \
             WHERE owner = $1",
            values![self.owner(), self.now()],
        );
    }
}
