//! The event log, its consumers and their dead letters.

use entente_rpc::proto::event::v1 as event;
use entente_rpc::time_to_proto;
use entente_store::{Query, StoreError, values};
use prost::Message as _;
use sqlx::FromRow;

use super::{Store, Work};

/// An entry of the log.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct StoredEvent {
    pub sequence: i64,
    pub time: i64,
    pub record: Vec<u8>,
}

impl TryFrom<StoredEvent> for event::Event {
    type Error = StoreError;

    fn try_from(stored: StoredEvent) -> Result<Self, StoreError> {
        let mut event = event::Event::decode(stored.record.as_slice())
            .map_err(|_| StoreError::corrupt("event"))?;
        event.sequence = stored.sequence;
        event.time = Some(time_to_proto(stored.time));
        Ok(event)
    }
}

/// An event that a consumer gave up on.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct DeadLetterRow {
    pub consumer: String,
    pub sequence: i64,
    pub attempts: i32,
    pub error: String,
    pub time: i64,
    pub replay: bool,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    pub kinds: Vec<i32>,
    pub connection_id: String,
    pub invitation_id: String,
}

impl Store {
    /// The newest sequence of a tenant's log, and the newest that was purged.
    pub async fn log_bounds(&self, tenant: &str) -> Result<(i64, i64), StoreError> {
        let row: Option<(i64, i64)> = self
            .read(tenant)
            .await?
            .optional(
                "SELECT last_sequence, purged_sequence FROM logs WHERE tenant = $1",
                values![tenant],
            )
            .await?;
        Ok(row.unwrap_or_default())
    }

    /// The newest event with a sequence below one.
    pub async fn newest_event_before(
        &self,
        tenant: &str,
        end: i64,
    ) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT MAX(sequence) FROM events WHERE tenant = $1 AND sequence < $2";
        let (newest,) = self.read(tenant).await?.one(sql, values![tenant, end]).await?;
        Ok(newest)
    }

    /// Events after a sequence, up to another, in order.
    pub async fn events(
        &self,
        tenant: &str,
        after: i64,
        up_to: i64,
        filter: &EventFilter,
        limit: i64,
    ) -> Result<Vec<event::Event>, StoreError> {
        let mut query = Query::new("SELECT sequence, time, record FROM events WHERE tenant = ");
        query.push_bind(tenant.to_owned());
        query.push(" AND sequence > ").push_bind(after);
        query.push(" AND sequence <= ").push_bind(up_to);
        for (column, value) in
            [("connection_id", &filter.connection_id), ("invitation_id", &filter.invitation_id)]
        {
            if !value.is_empty() {
                query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
            }
        }
        if !filter.kinds.is_empty() {
            query.push(" AND kind").push_one_of(filter.kinds.iter().copied());
        }
        query.push(" ORDER BY sequence LIMIT ").push_bind(limit);
        let rows: Vec<StoredEvent> = query.all(self.read(tenant).await?).await?;
        rows.into_iter().map(event::Event::try_from).collect()
    }

    /// A consumer's cursor and when it moved.
    pub async fn consumer(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let row = self
            .read(tenant)
            .await?
            .optional(
                "SELECT sequence, updated_at FROM consumers WHERE tenant = $1 AND name = $2",
                values![tenant, name],
            )
            .await?;
        Ok(row)
    }

    /// Dead letters after (consumer, sequence), in order.
    pub async fn dead_letters(
        &self,
        tenant: &str,
        consumer: &str,
        replay_only: bool,
        after: (&str, i64),
        limit: i64,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        let mut query = Query::new(
            "SELECT consumer, sequence, attempts, error, time, replay FROM dead_letters \
     WHERE tenant = ",
        );
        query.push_bind(tenant.to_owned());
        query.push(" AND (consumer, sequence) > (").push_bind(after.0.to_owned());
        query.push(", ").push_bind(after.1).push(")");
        if !consumer.is_empty() {
            query.push(" AND consumer = ").push_bind(consumer.to_owned());
        }
        if replay_only {
            query.push(" AND replay");
        }
        query.push(" ORDER BY consumer, sequence LIMIT ").push_bind(limit);
        query.all(self.read(tenant).await?).await
    }
}

impl Work {
    /// Moves a consumer's cursor forward; it never moves back.
    /// Gives the cursor and when it last moved.
    pub async fn move_consumer(
        &mut self,
        name: &str,
        sequence: i64,
    ) -> Result<(i64, i64), StoreError> {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        let moved = self
            .fetch(
                "INSERT INTO consumers (tenant, name, sequence, updated_at) VALUES ($1, $2, $3, \
     $4) ON CONFLICT (tenant, name) DO UPDATE SET sequence = CASE WHEN \
     excluded.sequence > consumers.sequence THEN excluded.sequence ELSE \
     consumers.sequence END, updated_at = CASE WHEN excluded.sequence > \
     consumers.sequence THEN excluded.updated_at ELSE consumers.updated_at END \
     RETURNING sequence, updated_at",
                values![tenant, name, sequence, now],
            )
            .await?
            .pop()
            .ok_or(StoreError::NotFound)?;
        Ok(moved)
    }

    /// Gives a consumer's lease to a holder, unless another holds it. Gives the holder, and until when.
    pub async fn lease_consumer(
        &mut self,
        name: &str,
        holder: &str,
        duration: i64,
    ) -> Result<(String, i64), StoreError> {
        let now = self.now();
        self.write(
            "INSERT INTO leases (tenant, name, holder, held_until) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, name) DO UPDATE SET holder = excluded.holder, \
             held_until = excluded.held_until \
             WHERE leases.holder = excluded.holder OR leases.held_until <= $5",
            values![self.tenant(), name, holder, now + duration, now],
        );
        let sql = "SELECT holder, held_until FROM leases WHERE tenant = $1 AND name = $2";
        let found = self.fetch(sql, values![self.tenant(), name]).await?.pop();
        found.ok_or(StoreError::NotFound)
    }

    /// Keeps an event that a consumer gave up on.
    pub fn put_dead_letter(&mut self, letter: &DeadLetterRow) {
        self.write(
            "INSERT INTO dead_letters (tenant, consumer, sequence, attempts, error, time, \
     replay) VALUES ($1, $2, $3, $4, $5, $6, FALSE) ON CONFLICT (tenant, consumer, \
     sequence) DO UPDATE SET attempts = excluded.attempts, error = excluded.error, \
     time = excluded.time, replay = FALSE",
            values![
                self.tenant(),
                &letter.consumer,
                letter.sequence,
                letter.attempts,
                &letter.error,
                letter.time
            ],
        );
    }

    /// Removes a dead letter that was delivered after all.
    pub fn remove_dead_letter(&mut self, consumer: &str, sequence: i64) {
        self.write(
            "DELETE FROM dead_letters WHERE tenant = $1 AND consumer = $2 AND sequence = $3",
            values![self.tenant(), consumer, sequence],
        );
    }

    /// Marks dead letters for another try: those named, or all. Says how many there were.
    pub async fn replay_dead_letters(
        &mut self,
        consumer: &str,
        sequences: &[i64],
    ) -> Result<u64, StoreError> {
        let mut query = Query::new("UPDATE dead_letters SET replay = TRUE WHERE tenant = ");
        query.push_bind(self.tenant().to_owned());
        query.push(" AND consumer = ").push_bind(consumer.to_owned());
        if !sequences.is_empty() {
            query.push(" AND sequence").push_one_of(sequences.iter().copied());
        }
        let (sql, values) = query.into_parts();
        self.execute(&sql, values).await
    }

    /// Removes those of the `limit` oldest events that are from before a time, and remembers up to where, with the hash
    /// that the next one is linked to.
    pub async fn purge_events(&mut self, before: i64, limit: i64) -> Result<u64, StoreError> {
        let tenant = self.tenant().to_owned();
        let newest: Option<(i64, Option<Vec<u8>>)> = self
            .fetch(
                "SELECT sequence, hash FROM (SELECT sequence, time, hash FROM events WHERE tenant = $1 \
     ORDER BY sequence LIMIT $3) AS oldest WHERE time < $2 ORDER BY sequence DESC LIMIT 1",
                values![&tenant, before, limit],
            )
            .await?
            .pop();
        let Some((up_to, hash)) = newest else { return Ok(0) };
        let purged = self
            .execute(
                "DELETE FROM events WHERE tenant = $1 AND sequence <= $2",
                values![&tenant, up_to],
            )
            .await?;
        self.write(
            "UPDATE logs SET purged_sequence = $2, purged_hash = $3 WHERE tenant = $1 AND \
             purged_sequence < $2",
            values![&tenant, up_to, hash.unwrap_or_default()],
        );
        Ok(purged)
    }
}
