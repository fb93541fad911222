use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use entente_rpc::proto::connection::v1::{self as pb, SendBasicMessageRequest};

use super::error::ApiError;
use super::{page, present, shared, timestamp};

/// Which way a basic message went.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BasicMessageDirection {
    /// The peer sent it.
    Inbound,
    /// This agent sent it.
    Outbound,
}

/// A text on a connection (RFC 0095).
#[derive(SimpleObject)]
pub(super) struct BasicMessage {
    /// The message's own id, chosen by its sender.
    id: ID,
    /// The text. Of an inbound message it is whatever the peer wrote.
    content: String,
    /// When this agent received it, or took it to be sent; ISO 8601.
    timestamp: String,
    /// Which way it went.
    direction: BasicMessageDirection,
}

/// A page of basic messages, newest first.
#[derive(SimpleObject)]
pub(super) struct BasicMessageList {
    /// The messages. There may be fewer than asked for, and none, before the last page.
    items: Vec<BasicMessage>,
    /// The token of the next page; null on the last.
    next_token: Option<String>,
}

impl From<pb::BasicMessage> for BasicMessage {
    fn from(message: pb::BasicMessage) -> Self {
        let direction = match message.direction() {
            pb::MessageDirection::Outbound => BasicMessageDirection::Outbound,
            _ => BasicMessageDirection::Inbound,
        };
        Self {
            timestamp: timestamp::text(message.time.as_ref()),
            id: message.id.into(),
            content: message.content,
            direction,
        }
    }
}

impl From<pb::BasicMessagePage> for BasicMessageList {
    fn from(page: pb::BasicMessagePage) -> Self {
        Self {
            items: page.messages.into_iter().map(BasicMessage::from).collect(),
            next_token: page::next(page.next_page_token),
        }
    }
}

#[derive(Default)]
pub(crate) struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a basic message to the peer of a connection.
    async fn send_basic_message(
        &self,
        context: &Context<'_>,
        connection_id: ID,
        content: String,
    ) -> Result<BasicMessage, ApiError> {
        let shared = shared(context)?;
        let request = SendBasicMessageRequest {
            connection_id: connection_id.0,
            content,
            ..SendBasicMessageRequest::default()
        };
        let request = shared.request(request)?;
        let sent = shared.clients.messages.clone().send_basic_message(request).await?;
        Ok(present(sent.into_inner().message)?.into())
    }
}
