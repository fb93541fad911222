//! What was done before: messages that had their effect, calls that had their answer.

use entente_store::StoreError;

use super::{Store, Work};

/// The answer to an earlier call.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub digest: Vec<u8>,
    pub response: Vec<u8>,
}

impl Work {
    /// Notes that a message has its effect in this work. False if it had it before.
    pub async fn note_message(
        &mut self,
        sender_key: &str,
        message_id: &str,
    ) -> Result<bool, StoreError> {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        let inserted = sqlx::query(
            "INSERT INTO inbox (tenant, sender_key, message_id, received_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, sender_key, message_id) DO NOTHING",
        )
        .bind(tenant)
        .bind(sender_key)
        .bind(message_id)
        .bind(now)
        .execute(&mut **self.tx())
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Remembers the answer to a call. Fails with Duplicate if another call with the same id came first.
    pub async fn remember(
        &mut self,
        method: &str,
        request_id: &str,
        digest: &[u8],
        response: &[u8],
    ) -> Result<(), StoreError> {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        sqlx::query(
            "INSERT INTO requests (tenant, method, request_id, digest, response, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(tenant)
        .bind(method)
        .bind(request_id)
        .bind(digest)
        .bind(response)
        .bind(now)
        .execute(&mut **self.tx())
        .await?;
        Ok(())
    }

    /// Forgets messages and calls of any tenant from before a time.
    pub async fn forget(
        &mut self,
        messages_before: i64,
        requests_before: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM inbox WHERE received_at < $1")
            .bind(messages_before)
            .execute(&mut **self.tx())
            .await?;
        sqlx::query("DELETE FROM requests WHERE created_at < $1")
            .bind(requests_before)
            .execute(&mut **self.tx())
            .await?;
        Ok(())
    }
}

impl Store {
    /// Whether a message had its effect before.
    pub async fn knows_message(
        &self,
        tenant: &str,
        sender_key: &str,
        message_id: &str,
    ) -> Result<bool, StoreError> {
        let row: Option<(i32,)> = sqlx::query_as(
            "SELECT 1 FROM inbox WHERE tenant = $1 AND sender_key = $2 AND message_id = $3",
        )
        .bind(tenant)
        .bind(sender_key)
        .bind(message_id)
        .fetch_optional(self.read())
        .await?;
        Ok(row.is_some())
    }

    /// The answer to an earlier call.
    pub async fn recall(
        &self,
        tenant: &str,
        method: &str,
        request_id: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        let row: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
            "SELECT digest, response FROM requests WHERE tenant = $1 AND method = $2 AND request_id = $3",
        )
        .bind(tenant)
        .bind(method)
        .bind(request_id)
        .fetch_optional(self.read())
        .await?;
        Ok(row.map(|(digest, response)| Remembered { digest, response }))
    }

    /// Every tenant that has a log.
    pub async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT tenant FROM logs").fetch_all(self.read()).await?;
        Ok(rows.into_iter().map(|(tenant,)| tenant).collect())
    }
}
