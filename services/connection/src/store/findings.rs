//! What does not go on by itself.

use entente_store::{StoreError, values};
use sqlx::FromRow;

use super::Store;
use crate::events::epoch::STEP;

/// Something that is stuck: an exchange, a lane of messages, or a consumer of events.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Finding {
    pub id: String,
    pub since: i64,
    pub count: i64,
    pub attempts: i32,
    pub next_attempt_at: Option<i64>,
    pub deadline_at: Option<i64>,
    pub error: String,
}

/// Handshakes of one role in one state.
pub(crate) type Stage = (i32, i32);

impl Store {
    /// Lanes after one whose first message could not be delivered so far.
    pub async fn undelivered(
        &self,
        tenant: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let sql = "SELECT lane AS id, created_at AS since, (SELECT COUNT(*) FROM outbox AS waiting \
                   WHERE waiting.tenant = $1 AND waiting.lane = outbox.lane) AS count, attempts, \
                   next_attempt_at, CAST(NULL AS BIGINT) AS deadline_at, last_error AS error \
                   FROM outbox WHERE tenant = $1 AND attempts > 0 AND lane > $2 \
                   ORDER BY lane, id LIMIT $3";
        self.read(tenant).await?.all(sql, values![tenant, after, limit]).await
    }

    /// Handshakes after one that have stood at one of two stages since a time, with nothing on its way. What is under way
    /// has a deadline, which the index is of.
    pub async fn standing_still(
        &self,
        tenant: &str,
        [one, other]: [Stage; 2],
        since: i64,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let sql = "SELECT id, updated_at AS since, CAST(1 AS BIGINT) AS count, 0 AS attempts, \
                   CAST(NULL AS BIGINT) AS next_attempt_at, deadline_at, their_label AS error \
                   FROM exchanges WHERE deadline_at IS NOT NULL AND tenant = $1 AND id > $2 \
                   AND updated_at <= $4 AND ((role = $5 AND state = $6) OR (role = $7 AND state = $8)) \
                   AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.tenant = $1 AND lane = exchanges.id) \
                   ORDER BY id LIMIT $3";
        let values = values![tenant, after, limit, since, one.0, one.1, other.0, other.1];
        self.read(tenant).await?.all(sql, values).await
    }

    /// Consumers after one that gave up events.
    pub async fn giving_up(
        &self,
        tenant: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let sql = "SELECT consumer AS id, MIN(time) AS since, COUNT(*) AS count, \
                   MAX(attempts) AS attempts, CAST(NULL AS BIGINT) AS next_attempt_at, \
                   CAST(NULL AS BIGINT) AS deadline_at, MAX(error) AS error \
                   FROM dead_letters WHERE tenant = $1 AND consumer > $2 AND NOT replay \
                   GROUP BY consumer ORDER BY consumer LIMIT $3";
        self.read(tenant).await?.all(sql, values![tenant, after, limit]).await
    }

    /// Consumers after one that have not moved since a time, with events before them.
    pub async fn lagging(
        &self,
        tenant: &str,
        since: i64,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Finding>, StoreError> {
        let sql = "SELECT name AS id, updated_at AS since, (last_sequence - sequence) % $5 AS count, \
                   0 AS attempts, CAST(NULL AS BIGINT) AS next_attempt_at, \
                   CAST(NULL AS BIGINT) AS deadline_at, '' AS error \
                   FROM consumers JOIN logs ON logs.tenant = consumers.tenant \
                   WHERE consumers.tenant = $1 AND name > $2 AND updated_at <= $4 \
                   AND sequence < last_sequence ORDER BY name LIMIT $3";
        self.read(tenant).await?.all(sql, values![tenant, after, limit, since, STEP]).await
    }
}
