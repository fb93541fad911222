//! Return-route (RFC 0092): answers that go back on the way that a message came, and messages that came back so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use entente_did::PublicKey;
use entente_didcomm::message::Message;
use entente_rpc::proto::connection::v1::{CollectRequest, CollectResponse};
use entente_rpc::{Failure, duration_from_proto};
use entente_trace::within;
use entente_unpack::to_receive;
use tokio::time::{Instant, timeout_at};

use super::Inbound;
use crate::engine::{Answer, Engine};
use crate::store::Outgoing;
use crate::trace::Sending;

/// The most replies that are given at once.
const MAX_REPLIES: usize = 16;
/// The longest wait for a message.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The way back that a message opened.
pub(super) struct Route {
    only_thread: Option<String>,
    max: usize,
    held: Mutex<Vec<Outgoing>>,
}

impl Route {
    /// The way back, if the message opens one and the transport that it came by has room for replies.
    pub fn of(message: &Message, max_replies: i32) -> Option<Self> {
        let max = usize::try_from(max_replies).ok().filter(|max| *max > 0)?.min(MAX_REPLIES);
        let transport = message.transport.as_ref()?;
        let only_thread = match transport.return_route.as_deref()? {
            "all" => None,
            "thread" => Some(
                transport.return_route_thread.clone().unwrap_or(message.thread_id().to_owned()),
            ),
            _ => return None,
        };
        Some(Self { only_thread, max, held: Mutex::default() })
    }

    /// Whether it is open to all messages of the connection.
    pub fn is_open_to_all(&self) -> bool {
        self.only_thread.is_none()
    }

    /// Holds messages back from their endpoints.
    pub fn hold(&self, messages: Vec<Outgoing>) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).extend(messages);
    }

    fn release(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine {
    /// The packed messages that go back to the sender at once. Those that do not fit go to their endpoint.
    pub(super) async fn replies(&self, inbound: &Inbound, lane: &str) -> Answer<Vec<Bytes>> {
        let (Some(route), Some(sender)) = (&inbound.route, &inbound.sender) else {
            return Ok(Vec::new());
        };
        let mut messages = route.release();
        if inbound.owner.is_some() && !lane.is_empty() {
            // What a peer without an endpoint could not be given before.
            let waiting = self.waiting(&inbound.tenant, lane, sender.key()).await?;
            let known: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
            let waiting = waiting.into_iter().filter(|message| !known.contains(&message.id));
            messages = waiting.chain(messages).collect();
        }
        let mut replies = Vec::new();
        for message in messages {
            let fits = message.target.has_key(sender.key())
                && route.only_thread.as_ref().is_none_or(|thread| *thread == message.thread_id)
                && replies.len() < route.max;
            let packed = match fits {
                true => self.pack_reply(&message).await.ok(),
                false => None,
            };
            match packed {
                Some(envelope) => {
                    replies.push(Bytes::from(envelope));
                    self.outbox.complete(message);
                }
                None => self.outbox.enqueue(vec![message]),
            }
        }
        Ok(replies)
    }

    async fn pack_reply(&self, message: &Outgoing) -> Answer<Vec<u8>> {
        let sending = Sending::begin(message);
        let packed = within(sending.current(), self.pack(message)).await;
        sending.end(packed.as_ref().err());
        packed
    }

    /// What waits for a peer without an endpoint, the oldest first.
    async fn waiting(&self, tenant: &str, lane: &str, key: &PublicKey) -> Answer<Vec<Outgoing>> {
        let (mut messages, _) = self.untaken(tenant, lane, MAX_REPLIES).await?;
        messages
            .retain(|message| message.target.endpoint().is_empty() && message.target.has_key(key));
        Ok(messages)
    }

    /// The next message for a peer that left its transport open.
    pub(crate) async fn collect(&self, request: CollectRequest) -> Answer<CollectResponse> {
        let key = PublicKey::from_multibase(&request.sender_key)
            .map_err(|error| Failure::field("sender_key", error.to_string()))?;
        let (tenant, lane) = (&request.tenant, &request.connection_id);
        let wait = request.wait.as_ref().and_then(duration_from_proto).unwrap_or(0);
        let wait = Duration::from_millis(wait.unsigned_abs()).min(MAX_WAIT);
        let end = Instant::now() + wait;
        let collector = self.outbox.collector(tenant, lane);
        loop {
            let arrival = collector.arrival();
            let waiting = self.waiting(tenant, lane, &key).await?;
            let (taken, waiting): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|message| message.id == request.delivered);
            for message in taken {
                self.metrics.delivery("delivered");
                self.outbox.complete(message);
            }
            if let Some(message) = waiting.into_iter().next() {
                let envelope = self.pack_reply(&message).await?;
                return Ok(CollectResponse { id: message.id, envelope: envelope.into() });
            }
            if timeout_at(end, arrival).await.is_err() {
                return Ok(CollectResponse::default());
            }
        }
    }

    /// A packed message that came back on a delivery.
    pub(crate) async fn receive_reply(self, envelope: Vec<u8>) {
        let opened = match self.clients.unpack(envelope).await {
            Ok(opened) => opened,
            Err(failure) => {
                tracing::info!(reason = %failure, "a reply could not be opened");
                return;
            }
        };
        if let Err(failure) = self.receive(to_receive(opened, 0)).await {
            tracing::info!(reason = %failure, "a reply could not be handled");
        }
    }
}
