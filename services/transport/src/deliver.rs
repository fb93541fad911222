//! A delivery from end to end: find the place, wrap for mediators, wait for a turn, send.

use std::time::Duration;

use bytes::Bytes;
use entente_did::PublicKey;
use entente_didcomm::forward;
use entente_net::AddressPolicy;
use entente_rpc::Link;
use reqwest::Client;
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

use crate::endpoint::{Target, locate};
use crate::error::TransportError;
use crate::http::{self, Answer};
use crate::origin::Origins;
use crate::websocket::WebSockets;

/// The largest message sent, wrapped for all mediators, in bytes. Each layer makes it a third larger.
const MAX_WRAPPED: usize = 16 << 20;

/// The transport behind the RPC.
pub(crate) struct Transport {
    pub(crate) resolver: Link,
    pub(crate) policy: AddressPolicy,
    pub(crate) client: Client,
    pub(crate) websockets: WebSockets,
    pub(crate) origins: Origins,
    /// The time for a whole delivery.
    pub(crate) timeout: Duration,
}

/// What is to be delivered.
pub(crate) struct Delivery {
    pub(crate) envelope: Bytes,
    pub(crate) endpoint: String,
    /// Needed if there are mediators.
    pub(crate) recipient_key: Option<PublicKey>,
    pub(crate) routing_keys: Vec<PublicKey>,
}

impl Transport {
    /// Delivers, within the caller's deadline if that is shorter than ours.
    pub(crate) async fn deliver(
        &self,
        tenant: &str,
        delivery: Delivery,
        deadline: Option<Duration>,
    ) -> Result<Answer, TransportError> {
        let within = deadline.map_or(self.timeout, |deadline| deadline.min(self.timeout));
        let until = Instant::now() + within;
        let Delivery { envelope, endpoint, recipient_key, routing_keys } = delivery;
        let Target { url, routing_keys } =
            locate(&self.resolver, self.policy, tenant, &endpoint, routing_keys, within).await?;
        let envelope = wrap(envelope, recipient_key, routing_keys).await?;
        let origin = self.origins.of(&url);
        let turn = timeout_at(until, origin.clone().enter()).await;
        let mut turn = turn.map_err(|_| origin.overloaded())??;
        let began = Instant::now();
        let sent = match timeout_at(until, self.send(&url, envelope, until)).await {
            Ok(sent) => sent,
            Err(_) => Err(late(&url, began.elapsed())),
        };
        match &sent {
            Ok(_) => turn.answered(),
            // A caller in a hurry, or a long wait, is not the host's fault.
            Err(TransportError::Unavailable { .. }) if until - began < self.timeout / 4 => {}
            Err(
                TransportError::Unavailable { .. }
                | TransportError::Status { status: 502..=504, .. },
            ) => turn.failed(),
            // 500 too: agents answer it to one message that they cannot read.
            Err(TransportError::Status { .. }) => turn.answered(),
            Err(_) => {}
        }
        sent
    }

    async fn send(
        &self,
        url: &Url,
        envelope: Bytes,
        until: Instant,
    ) -> Result<Answer, TransportError> {
        match url.scheme() {
            "ws" | "wss" => self.websockets.send(url, envelope).await,
            _ => http::post(&self.client, self.policy, url, envelope, until).await,
        }
    }
}

fn late(url: &Url, waited: Duration) -> TransportError {
    let reason = format!("no answer within {} ms", waited.as_millis());
    TransportError::Unavailable { url: url.to_string(), reason }
}

/// Wraps for the mediators, off the workers: a large envelope on a long route takes a while.
async fn wrap(
    envelope: Bytes,
    recipient_key: Option<PublicKey>,
    routing_keys: Vec<PublicKey>,
) -> Result<Bytes, TransportError> {
    if routing_keys.is_empty() {
        return Ok(envelope);
    }
    let to = recipient_key.ok_or_else(|| TransportError::Field {
        field: "recipient_key",
        reason: "is missing; the route has mediators".to_owned(),
    })?;
    let wrap = move || {
        let ids = || Uuid::new_v4().to_string();
        forward::wrap(&envelope, &to, &routing_keys, ids, &mut rand::rng())
    };
    let wrapped = tokio::task::spawn_blocking(wrap).await.map_err(|error| {
        TransportError::Field { field: "envelope", reason: format!("cannot be wrapped: {error}") }
    })??;
    if wrapped.len() > MAX_WRAPPED {
        return Err(TransportError::TooLarge { actual: wrapped.len(), limit: MAX_WRAPPED });
    }
    Ok(wrapped.into())
}
