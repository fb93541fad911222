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
use crate::origin::{Origins, Turn};
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
        let began = Instant::now();
        let mut turn = match turn {
            Ok(turn) if began < until => turn?,
            _ => return Err(origin.overloaded()),
        };
        match timeout_at(until, self.send(&url, envelope, until)).await {
            Ok(sent) => {
                judge(&mut turn, &sent);
                sent
            }
            Err(_) => {
                // A caller in a hurry, or a long wait for the turn, is not the host's fault.
                if until - began >= self.timeout / 4 {
                    turn.failed();
                }
                Err(late(&url, began.elapsed()))
            }
        }
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

/// Tells the breaker whether the host is there.
fn judge(turn: &mut Turn, sent: &Result<Answer, TransportError>) {
    match sent {
        Err(
            TransportError::Unavailable { .. } | TransportError::Status { status: 502..=504, .. },
        ) => turn.failed(),
        // 500 too: agents answer it to one message that they cannot read.
        Ok(_) | Err(TransportError::Status { .. }) => turn.answered(),
        Err(_) => {}
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
