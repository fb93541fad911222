//! URLs that callers registered for events.

use entente_store::{StoreError, Tenants, values};
use sqlx::FromRow;

use super::{Store, Work};

const COLUMNS: &str =
    "SELECT id, url, format, headers, created_at FROM webhooks WHERE tenant = $1 ORDER BY id";

/// A URL that is told what happens. Without `Debug`, for its headers may be secrets.
#[derive(FromRow)]
pub(crate) struct WebhookRow {
    pub id: String,
    pub url: String,
    pub format: i32,
    /// Pairs of name and value, as JSON.
    pub headers: String,
    pub created_at: i64,
}

impl Store {
    /// All webhooks of a tenant, oldest first.
    pub async fn webhooks(&self, tenant: &str) -> Result<Vec<WebhookRow>, StoreError> {
        self.read(tenant).await?.all(COLUMNS, values![tenant]).await
    }

    /// Webhooks of all tenants after (tenant, id), with their tenants.
    pub async fn all_webhooks(
        &self,
        after: (&str, &str),
        limit: i64,
    ) -> Result<Vec<(String, WebhookRow)>, StoreError> {
        let sql = "SELECT tenant, id, url, format, headers, created_at FROM webhooks \
                   WHERE (tenant, id) > ($1, $2) ORDER BY tenant, id LIMIT $3";
        let values = values![after.0, after.1, limit];
        let rows: Vec<(String, String, String, i32, String, i64)> =
            self.read(Tenants::All).await?.all(sql, values).await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, id, url, format, headers, created_at)| {
                (tenant, WebhookRow { id, url, format, headers, created_at })
            })
            .collect())
    }
}

impl Work {
    /// All webhooks of the tenant, oldest first.
    pub async fn webhooks(&mut self) -> Result<Vec<WebhookRow>, StoreError> {
        let tenant = self.tenant().to_owned();
        self.fetch(COLUMNS, values![tenant]).await
    }

    /// Adds a webhook, with a consumer whose cursor is at the end of the log.
    pub fn insert_webhook(&mut self, row: &WebhookRow, consumer: &str) {
        self.write(
            "INSERT INTO webhooks (tenant, id, url, format, headers, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            values![self.tenant(), &row.id, &row.url, row.format, &row.headers, row.created_at],
        );
        self.write(
            "INSERT INTO consumers (tenant, name, sequence, updated_at) VALUES ($1, $2, COALESCE((SELECT last_sequence \
             FROM logs WHERE tenant = $1), 0), $3)",
            values![self.tenant(), consumer, row.created_at],
        );
    }

    /// Removes a webhook with its consumer; false when there is none.
    pub async fn delete_webhook(&mut self, id: &str, consumer: &str) -> Result<bool, StoreError> {
        let tenant = self.tenant().to_owned();
        let deleted = self
            .execute("DELETE FROM webhooks WHERE tenant = $1 AND id = $2", values![tenant, id])
            .await?;
        self.write(
            "DELETE FROM consumers WHERE tenant = $1 AND name = $2",
            values![self.tenant(), consumer],
        );
        self.write(
            "DELETE FROM leases WHERE tenant = $1 AND name = $2",
            values![self.tenant(), consumer],
        );
        self.write(
            "DELETE FROM dead_letters WHERE tenant = $1 AND consumer = $2",
            values![self.tenant(), consumer],
        );
        Ok(deleted > 0)
    }
}
