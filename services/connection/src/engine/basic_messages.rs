//! The basic messages of connections, in pages.

use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as pb;
use entente_store::PageToken;

use super::{Answer, Engine};
use crate::project::{self, page};
use crate::store::BasicMessage;

/// How many connections one call may name.
const MAX_CONNECTIONS: usize = 1_000;
/// What page tokens are bound to: a place is the same in each connection.
const LIST: &str = "basic messages";
/// Above every id.
const TOP: &str = "~";

impl Engine {
    /// A page of each connection.
    pub async fn list_basic_messages(
        &self,
        tenant: &str,
        request: pb::ListBasicMessagesRequest,
    ) -> Answer<pb::ListBasicMessagesResponse> {
        if request.connection_ids.len() > MAX_CONNECTIONS {
            let text = format!("has more than {MAX_CONNECTIONS} ids; ask in several calls");
            return Err(Failure::field("connection_ids", text));
        }
        let size = usize::try_from(page::size(request.page_size)?).unwrap_or_default();
        let below = page::after(&request.page_token, &LIST)?;
        let ids = request.connection_ids;
        let found = self
            .store
            .basic_messages(tenant, &ids, below.as_deref(), size, page::MAX_BYTES)
            .await?;
        let pages = ids.into_iter().zip(found);
        let pages = pages.map(|(id, (rows, more))| page_of(id, rows, more, below.as_deref()));
        Ok(pb::ListBasicMessagesResponse { pages: pages.collect() })
    }
}

fn page_of(
    connection_id: String,
    rows: Vec<BasicMessage>,
    more: bool,
    below: Option<&str>,
) -> pb::BasicMessagePage {
    // A page for which there was no room goes on from where it began.
    let place = rows.last().map(|row| row.id.as_str()).or(below).unwrap_or(TOP);
    let next_page_token = if more { PageToken::encode(place, &LIST) } else { String::new() };
    let messages = rows.into_iter().map(project::basic_message).collect();
    pb::BasicMessagePage { connection_id, messages, next_page_token }
}
