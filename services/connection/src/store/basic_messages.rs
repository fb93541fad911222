//! Texts on connections.

use entente_store::StoreError;
use sqlx::{FromRow, QueryBuilder};
use tokio_stream::StreamExt as _;
use uuid::Uuid;

use super::batch::values;
use super::{Store, Work};

/// A basic message as it is stored.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct BasicMessage {
    /// Sorts by the time it was stored.
    pub id: String,
    pub message_id: String,
    pub content: String,
    pub outbound: bool,
    pub time: i64,
}

impl BasicMessage {
    /// What it takes in an answer, in bytes.
    fn size(&self) -> usize {
        self.content.len() + self.message_id.len() + 32
    }
}

impl Work {
    /// Keeps a basic message of a connection.
    pub fn insert_basic_message(
        &mut self,
        connection_id: &str,
        message_id: &str,
        content: &str,
        outbound: bool,
    ) {
        self.write(
            "INSERT INTO basic_messages (tenant, connection_id, id, message_id, content, \
     outbound, time) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            values![
                self.tenant(),
                connection_id,
                Uuid::now_v7().to_string(),
                message_id,
                content,
                outbound,
                self.now()
            ],
        );
    }

    /// Removes the basic messages of a connection.
    pub fn delete_basic_messages(&mut self, connection_id: &str) {
        self.write(
            "DELETE FROM basic_messages WHERE tenant = $1 AND connection_id = $2",
            values![self.tenant(), connection_id],
        );
    }

    /// Forgets basic messages of any tenant from before a time.
    pub fn forget_basic_messages(&mut self, before: i64) {
        self.write("DELETE FROM basic_messages WHERE time < $1", values![before]);
    }
}

impl Store {
    /// For each connection, up to `size` messages, newest first, from below an id on; and whether there are more. All
    /// of them together have no more than `room` bytes, but for the first.
    pub async fn basic_messages(
        &self,
        tenant: &str,
        connection_ids: &[String],
        below: Option<&str>,
        size: usize,
        mut room: usize,
    ) -> Result<Vec<(Vec<BasicMessage>, bool)>, StoreError> {
        let mut reader = self.read().await?;
        let mut pages = Vec::with_capacity(connection_ids.len());
        let mut full = false;
        for connection_id in connection_ids {
            let mut page = Vec::new();
            if full {
                pages.push((page, true));
                continue;
            }
            let mut query = QueryBuilder::new(
                "SELECT id, message_id, content, outbound, time FROM basic_messages WHERE \
                 tenant = ",
            );
            query.push_bind(tenant.to_owned());
            query.push(" AND connection_id = ").push_bind(connection_id.clone());
            if let Some(below) = below {
                query.push(" AND id < ").push_bind(below.to_owned());
            }
            // One more tells whether another page follows.
            let limit = i64::try_from(size).unwrap_or(i64::MAX).saturating_add(1);
            query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
            let mut rows = query.build_query_as::<BasicMessage>().fetch(&mut *reader);
            let mut more = false;
            while let Some(row) = rows.try_next().await? {
                let first = page.is_empty() && pages.is_empty();
                full = row.size() > room && !first;
                more = full || page.len() == size;
                if more {
                    break;
                }
                room = room.saturating_sub(row.size());
                page.push(row);
            }
            pages.push((page, more));
        }
        Ok(pages)
    }
}
