//! Messages on their way.

use std::collections::HashMap;

use entente_did::PublicKey;
use entente_protocol::{Sender, Target};
use entente_store::{Query, StoreError, Tenants, values};
use sqlx::FromRow;

use super::{Store, Work};

/// How long a message is left to the process that committed it, in milliseconds. Due at another time, it waits for the
/// sweep.
const FIRST_ATTEMPT: i64 = 30_000;

/// All messages of a lane are due at the same time, so that it stays in order.
const LANE_IS_DUE: &str = "UPDATE outbox SET next_attempt_at = $3 WHERE tenant = $1 AND lane = $2";

/// What a message is for, which decides what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message that an exchange waits for: its failure abandons the exchange.
    Handshake = 1,
    /// A handshake-reuse: its failure ends the wait.
    Reuse = 2,
    /// A caller's message: its fate is an event.
    Caller = 3,
    /// An answer that nobody waits for.
    Answer = 4,
    /// A problem report to a stranger, in a lane of its own.
    Report = 5,
}

impl Kind {
    fn from_i32(value: i32) -> Result<Self, StoreError> {
        [Self::Handshake, Self::Reuse, Self::Caller, Self::Answer, Self::Report]
            .into_iter()
            .find(|kind| *kind as i32 == value)
            .ok_or(StoreError::corrupt("outbox.kind"))
    }
}

/// A message that is committed and not yet taken by its endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub tenant: String,
    pub id: String,
    /// The exchange or connection; messages of one lane go in order.
    pub lane: String,
    pub kind: Kind,
    pub message_id: String,
    pub thread_id: String,
    /// The message as JSON.
    pub message: String,
    pub from: Option<Sender>,
    pub target: Target,
    pub attempts: i32,
    /// Those of the attempts that endpoints answered with a no.
    pub rejections: i32,
    pub created_at: i64,
    /// Where in a trace the work was that made the message; empty when it was in none.
    pub trace: String,
    /// It comes after others that wait in the table, or waited there itself.
    pub waits: bool,
}

/// The delivery of an exchange's message.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Delivery {
    pub attempts: i32,
    pub next_attempt_at: i64,
    pub last_error: String,
}

#[derive(FromRow)]
struct Row {
    tenant: String,
    id: String,
    lane: String,
    kind: i32,
    message_id: String,
    thread_id: String,
    message: String,
    from_key: Option<String>,
    from_kid: Option<String>,
    target: String,
    attempts: i32,
    rejections: i32,
    created_at: i64,
    trace: String,
}

impl TryFrom<Row> for Outgoing {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let key = row.from_key.as_deref().map(PublicKey::from_multibase).transpose();
        let key = key.map_err(|_| StoreError::corrupt("outbox.from_key"))?;
        Ok(Self {
            kind: Kind::from_i32(row.kind)?,
            from: key.map(|key| Sender { key, kid: row.from_kid }),
            target: serde_json::from_str(&row.target)
                .map_err(|_| StoreError::corrupt("outbox.target"))?,
            tenant: row.tenant,
            id: row.id,
            lane: row.lane,
            message_id: row.message_id,
            thread_id: row.thread_id,
            message: row.message,
            attempts: row.attempts,
            rejections: row.rejections,
            created_at: row.created_at,
            trace: row.trace,
            waits: true,
        })
    }
}

impl Outgoing {
    /// Whether the process that committed it sends it at once, as it is due then.
    pub(super) fn is_sent_at_once(&self, due: i64) -> bool {
        due == self.created_at + FIRST_ATTEMPT
    }
}

impl Work {
    /// Whoever sends a lane goes on with it, so that it stays in order, and what comes after a message that waits is due
    /// with it. The statement gives who sends it, and when it is due.
    pub(super) fn insert_outgoing(&mut self, outgoing: &Outgoing) -> Result<(), StoreError> {
        let target = serde_json::to_string(&outgoing.target)
            .map_err(|_| StoreError::corrupt("outbox.target"))?;
        self.write(
            "INSERT INTO outbox (tenant, id, lane, kind, message_id, thread_id, message, \
     from_key, from_kid, target, attempts, next_attempt_at, last_error, created_at, owner, trace) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, CASE WHEN owner = $13 THEN COALESCE(due, $11) \
     ELSE $12 END, '', $12, owner, $14 FROM (SELECT COALESCE((SELECT owner FROM outbox WHERE tenant = $1 \
     AND lane = $3 ORDER BY id LIMIT 1), $13) AS owner, (SELECT next_attempt_at FROM outbox WHERE tenant = $1 \
     AND lane = $3 AND next_attempt_at <> created_at + $15 ORDER BY id LIMIT 1) AS due) AS lane \
     RETURNING owner, next_attempt_at",
            values![
                &outgoing.tenant,
                &outgoing.id,
                &outgoing.lane,
                outgoing.kind as i32,
                &outgoing.message_id,
                &outgoing.thread_id,
                &outgoing.message,
                outgoing.from.as_ref().map(|from| from.key.multibase()),
                outgoing.from.as_ref().and_then(|from| from.kid.clone()),
                target,
                outgoing.created_at + FIRST_ATTEMPT,
                outgoing.created_at,
                self.owner(),
                &outgoing.trace,
                FIRST_ATTEMPT
            ],
        );
        Ok(())
    }

    /// Removes messages that were taken, or given up.
    pub fn remove_outgoing(&mut self, ids: &[String]) {
        for id in ids {
            self.write(
                "DELETE FROM outbox WHERE tenant = $1 AND id = $2",
                values![self.tenant(), id],
            );
        }
    }

    /// Removes what is on its way in a lane.
    pub fn clear_lane(&mut self, lane: &str) {
        self.write(
            "DELETE FROM outbox WHERE tenant = $1 AND lane = $2",
            values![self.tenant(), lane],
        );
    }

    /// Makes a lane due now. Says how many messages it has.
    pub async fn hurry(&mut self, lane: &str) -> Result<u64, StoreError> {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        self.execute(LANE_IS_DUE, values![tenant, lane, now]).await
    }

    /// Makes all messages of this replica due now.
    pub fn hurry_all(&mut self) {
        let sql =
            "UPDATE outbox SET next_attempt_at = $2 WHERE owner = $1 AND next_attempt_at > $2";
        self.write(sql, values![self.owner(), self.now()]);
    }

    /// Has a lane wait without an attempt.
    pub fn rest(&mut self, outgoing: &Outgoing, until: i64) {
        self.write(LANE_IS_DUE, values![&outgoing.tenant, &outgoing.lane, until]);
    }

    /// Records a failed attempt: the whole lane waits until `next_attempt_at`, so that it stays in order.
    pub fn postpone(
        &mut self,
        outgoing: &Outgoing,
        next_attempt_at: i64,
        error: &str,
        rejected: bool,
    ) {
        self.write(
            "UPDATE outbox SET attempts = attempts + 1, rejections = rejections + $4, \
             last_error = $3 WHERE tenant = $1 AND id = $2",
            values![&outgoing.tenant, &outgoing.id, error, i32::from(rejected)],
        );
        self.rest(outgoing, next_attempt_at);
    }
}

impl Store {
    /// The lanes of a replica with a message that is due.
    pub async fn due_lanes(
        &self,
        owner: &str,
        now: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self
            .read(Tenants::All)
            .await?
            .all(
                "SELECT tenant, lane FROM outbox WHERE owner = $1 AND next_attempt_at <= $2 \
             GROUP BY tenant, lane ORDER BY MIN(next_attempt_at) LIMIT $3",
                values![owner, now, limit],
            )
            .await?;
        Ok(rows)
    }

    /// The messages of a lane, in order.
    pub async fn lane(
        &self,
        tenant: &str,
        lane: &str,
        limit: i64,
    ) -> Result<Vec<Outgoing>, StoreError> {
        let rows: Vec<Row> = self
            .read(tenant)
            .await?
            .all(
                "SELECT tenant, id, lane, kind, message_id, thread_id, message, from_key, \
     from_kid, target, attempts, rejections, created_at, trace FROM outbox WHERE tenant = $1 AND lane = $2 ORDER \
     BY id LIMIT $3",
                values![tenant, lane, limit],
            )
            .await?;
        rows.into_iter().map(Outgoing::try_from).collect()
    }

    /// How many messages are on their way, and when the oldest was made.
    pub async fn outbox_depth(&self) -> Result<(i64, Option<i64>), StoreError> {
        let sql = "SELECT COUNT(*), MIN(created_at) FROM outbox";
        self.read(Tenants::All).await?.one(sql, values![]).await
    }

    /// The delivery of the first message in each of some lanes that have one under way.
    pub async fn deliveries(
        &self,
        tenant: &str,
        lanes: &[String],
    ) -> Result<HashMap<String, Delivery>, StoreError> {
        if lanes.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = Query::new(
            "SELECT lane, attempts, next_attempt_at, last_error FROM outbox WHERE tenant = ",
        );
        query.push_bind(tenant.to_owned()).push(" AND lane");
        query.push_one_of(lanes);
        // In the order of the index. By the id alone, the whole outbox would be read.
        query.push(" ORDER BY lane DESC, id DESC");
        let rows: Vec<(String, i32, i64, String)> = query.all(self.read(tenant).await?).await?;
        // The first of a lane comes last.
        let delivery = |(lane, attempts, next_attempt_at, last_error)| {
            (lane, Delivery { attempts, next_attempt_at, last_error })
        };
        Ok(rows.into_iter().map(delivery).collect())
    }

    /// The delivery of the first message in a lane, if one is under way.
    pub async fn delivery(&self, tenant: &str, lane: &str) -> Result<Option<Delivery>, StoreError> {
        let row = self
            .read(tenant)
            .await?
            .optional(
                "SELECT attempts, next_attempt_at, last_error FROM outbox WHERE tenant = $1 AND \
     lane = $2 AND kind = $3 ORDER BY id LIMIT 1",
                values![tenant, lane, Kind::Handshake as i32],
            )
            .await?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests;
