//! What was done before: messages that had their effect, calls that had their answer.

use std::collections::HashMap;

use entente_store::{Query, StoreError, Tenants, values};

use super::{Store, Work};
use crate::events::epoch::STEP;

/// The answer to an earlier call.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub digest: Vec<u8>,
    pub response: Vec<u8>,
}

/// A tenant with events that a consumer has not done with.
#[derive(Debug, Clone)]
pub(crate) struct Behind {
    pub tenant: String,
    /// The consumer's cursor.
    pub done: i64,
    /// The newest event.
    pub last: i64,
    /// The newest event that is no longer kept.
    pub purged: i64,
}

/// What is forgotten by age.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Old {
    /// The id of a message that had its effect.
    Message,
    /// The answer to a call.
    Request,
    /// A basic message.
    BasicMessage,
}

impl Work {
    /// Notes that a message has its effect in this work. The commit fails with Duplicate if it had it before.
    pub fn note_message(&mut self, sender_key: &str, message_id: &str) {
        self.write(
            "INSERT INTO inbox (tenant, sender_key, message_id, received_at) VALUES ($1, \
             $2, $3, $4)",
            values![self.tenant(), sender_key, message_id, self.now()],
        );
    }

    /// Remembers the answer to a call. Fails with Duplicate if another call with the same id came first.
    pub fn remember(&mut self, method: &str, request_id: &str, digest: &[u8], response: &[u8]) {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        self.write(
            "INSERT INTO requests (tenant, method, request_id, digest, response, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            values![tenant, method, request_id, digest, response, now],
        );
    }

    /// Removes up to so many records of any tenant from before a time, the oldest first. Says how many.
    pub async fn forget(&mut self, old: Old, before: i64, limit: i64) -> Result<u64, StoreError> {
        let (table, time, key) = match old {
            Old::Message => ("inbox", "received_at", "tenant, sender_key, message_id"),
            Old::Request => ("requests", "created_at", "tenant, method, request_id"),
            Old::BasicMessage => ("basic_messages", "time", "tenant, connection_id, id"),
        };
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN \
             (SELECT {key} FROM {table} WHERE {time} < $1 ORDER BY {time} LIMIT $2)"
        );
        self.execute(&sql, values![before, limit]).await
    }
}

impl Store {
    /// Where a message between two keys belongs: the exchange or connection of the keys, and whether the message had
    /// its effect before. An anonymous sender has the empty key.
    pub async fn place(
        &self,
        tenant: &str,
        my_key: &str,
        their_key: &str,
        message_id: &str,
    ) -> Result<(Option<String>, bool), StoreError> {
        let row = self
            .read(tenant)
            .await?
            .one(
                "SELECT (SELECT exchange_id FROM peers WHERE tenant = $1 AND my_key = $2 AND \
     their_key = $3), EXISTS (SELECT 1 FROM inbox WHERE tenant = $1 AND sender_key \
     = $3 AND message_id = $4)",
                values![tenant, my_key, their_key, message_id],
            )
            .await?;
        Ok(row)
    }

    /// When messages of a sender had their effect, by their ids; those that never did are not there.
    pub async fn received(
        &self,
        tenant: &str,
        sender_key: &str,
        ids: &[String],
    ) -> Result<HashMap<String, i64>, StoreError> {
        let mut query = Query::new("SELECT message_id, received_at FROM inbox WHERE tenant = ");
        query.push_bind(tenant).push(" AND sender_key = ").push_bind(sender_key);
        query.push(" AND message_id").push_one_of(ids);
        let rows: Vec<(String, i64)> = query.all(self.read(tenant).await?).await?;
        Ok(rows.into_iter().collect())
    }

    /// The answer to an earlier call.
    pub async fn recall(
        &self,
        tenant: &str,
        method: &str,
        request_id: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        let row: Option<(Vec<u8>, Vec<u8>)> = self
            .read(tenant)
            .await?
            .optional(
                "SELECT digest, response FROM requests WHERE tenant = $1 AND method = $2 AND \
     request_id = $3",
                values![tenant, method, request_id],
            )
            .await?;
        Ok(row.map(|(digest, response)| Remembered { digest, response }))
    }

    /// Tenants with events that a consumer has not done with, those first that waited longest; and how many such events
    /// all tenants have.
    pub async fn behind(
        &self,
        consumer: &str,
        limit: i64,
    ) -> Result<(Vec<Behind>, i64), StoreError> {
        let rows: Vec<(String, i64, i64, i64, i64)> = self
            .read(Tenants::All)
            .await?
            .all(
                "SELECT tenant, done, last_sequence, purged_sequence, \
     CAST(SUM((last_sequence - done) % $3) OVER () AS BIGINT) FROM (SELECT logs.tenant, \
     last_sequence, purged_sequence, COALESCE(consumers.sequence, 0) AS done, \
     COALESCE(consumers.updated_at, 0) AS moved_at FROM logs LEFT JOIN consumers ON \
     consumers.tenant = logs.tenant AND consumers.name = $1) AS found \
     WHERE done < last_sequence ORDER BY moved_at, tenant LIMIT $2",
                values![consumer, limit, STEP],
            )
            .await?;
        let events = rows.first().map_or(0, |row| row.4);
        let tenants = rows
            .into_iter()
            .map(|(tenant, done, last, purged, _)| Behind { tenant, done, last, purged })
            .collect();
        Ok((tenants, events))
    }

    /// Those with events from before a time.
    pub async fn tenants_with_events_before(&self, time: i64) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT tenant FROM events WHERE time < $1";
        let rows: Vec<(String,)> = self.read(Tenants::All).await?.all(sql, values![time]).await?;
        Ok(rows.into_iter().map(|(tenant,)| tenant).collect())
    }
}
