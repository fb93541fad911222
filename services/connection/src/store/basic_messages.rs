//! Texts on connections.

use entente_store::{Query, StoreError, Value, values};
use sqlx::FromRow;
use uuid::Uuid;

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

/// How many are read at once: they may be large.
const CHUNK: usize = 16;

fn newest(
    tenant: &str,
    connection_id: &str,
    below: Option<&str>,
    limit: usize,
) -> (String, Vec<Value>) {
    let mut query = Query::new(
        "SELECT id, message_id, content, outbound, time FROM basic_messages WHERE tenant = ",
    );
    query.push_bind(tenant).push(" AND connection_id = ").push_bind(connection_id);
    if let Some(below) = below {
        query.push(" AND id < ").push_bind(below);
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.into_parts()
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
        let mut reader = self.read(tenant).await?;
        let mut pages = Vec::with_capacity(connection_ids.len());
        let mut full = false;
        for connection_id in connection_ids {
            let mut page = Vec::new();
            if full {
                pages.push((page, true));
                continue;
            }
            let mut more = false;
            let mut from = below.map(str::to_owned);
            while !more {
                // One more than fits tells whether another page follows.
                let limit = CHUNK.min(size.saturating_sub(page.len()).saturating_add(1));
                let (sql, values) = newest(tenant, connection_id, from.as_deref(), limit);
                let rows: Vec<BasicMessage> = reader.all(&sql, values).await?;
                let last = rows.len() < limit;
                for row in rows {
                    let first = page.is_empty() && pages.is_empty();
                    full = row.size() > room && !first;
                    more = full || page.len() == size;
                    if more {
                        break;
                    }
                    room = room.saturating_sub(row.size());
                    from = Some(row.id.clone());
                    page.push(row);
                }
                if last {
                    break;
                }
            }
            pages.push((page, more));
        }
        Ok(pages)
    }
}
