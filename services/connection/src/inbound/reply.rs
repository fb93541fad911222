//! Return-route (RFC 0092): answers that go back on the way that a message came, and messages that came back so.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use entente_didcomm::message::Message;
use entente_rpc::proto::connection::v1::ReceiveRequest;

use super::Inbound;
use crate::engine::{Answer, Engine};
use crate::store::Outgoing;

/// The most replies that are given at once.
const MAX_REPLIES: i32 = 16;

/// The way back that a message opened.
pub(super) struct Route {
    only_thread: Option<String>,
    max: usize,
    held: Mutex<Vec<Outgoing>>,
}

impl Route {
    /// The way back, if the message opens one and the transport that it came by has room for replies.
    pub fn of(message: &Message, max_replies: i32) -> Option<Self> {
        let max = usize::try_from(max_replies.min(MAX_REPLIES)).ok().filter(|max| *max > 0)?;
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
            let waiting = self.store.lane(&inbound.tenant, lane, i64::from(MAX_REPLIES)).await?;
            let known: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
            let waiting = waiting
                .into_iter()
                .filter(|m| m.target.endpoint().is_empty() && !known.contains(&m.id));
            messages = waiting.chain(messages).collect();
        }
        let mut replies = Vec::new();
        for message in messages {
            let fits = message.target.has_key(sender.key())
                && route.only_thread.as_ref().is_none_or(|thread| *thread == message.thread_id)
                && replies.len() < route.max;
            let (tenant, from) = (&message.tenant, message.from.as_ref());
            let packed = match fits {
                true => self
                    .clients
                    .pack(tenant, message.message.clone(), from, &message.target)
                    .await
                    .ok(),
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

    /// A packed message that came back on a delivery.
    pub(crate) async fn receive_reply(self, envelope: Vec<u8>) {
        let opened = match self.clients.unpack(envelope).await {
            Ok(opened) => opened,
            Err(failure) => {
                tracing::info!(reason = %failure, "a reply could not be opened");
                return;
            }
        };
        let request = ReceiveRequest {
            tenant: opened.tenant,
            plaintext: opened.plaintext,
            recipient_key: opened.recipient_key,
            recipient_kid: opened.recipient_kid,
            sender_key: opened.sender_key,
            sender_kid: opened.sender_kid,
            signer_kid: opened.signer_kid,
            max_replies: 0,
        };
        if let Err(failure) = self.receive(request).await {
            tracing::info!(reason = %failure, "a reply could not be handled");
        }
    }
}
