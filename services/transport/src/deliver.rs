//! A delivery from end to end: find the place, wrap for mediators, wait for a turn, send.

use std::time::Duration;

use bytes::Bytes;
use entente_didcomm::envelope::MEDIA_TYPE_V1;
use entente_didcomm::envelope::v2::MEDIA_TYPE_ENCRYPTED;
use entente_didcomm::forward;
use entente_net::{AddressPolicy, RequestSpan};
use entente_rpc::Link;
use reqwest::Client;
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

use crate::endpoint::{Locator, Route, Target, Wrapping};
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
    pub(crate) route: Route,
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
        let Delivery { envelope, endpoint, route } = delivery;
        let media_type = match route {
            Route::V1 { .. } => MEDIA_TYPE_V1,
            Route::V2 { .. } => MEDIA_TYPE_ENCRYPTED,
        };
        let locator = Locator { resolver: &self.resolver, policy: self.policy, tenant, within };
        let Target { url, wrapping } = locator.locate(&endpoint, route).await?;
        let envelope = wrap(envelope, wrapping).await?;
        let origin = self.origins.of(&url);
        let turn = timeout_at(until, origin.clone().enter()).await;
        let began = Instant::now();
        let mut turn = match turn {
            Ok(turn) if began < until => turn?,
            _ => return Err(origin.overloaded()),
        };
        // The peer is told nothing of it: what is not encrypted says nothing that the message does not need.
        let method = if matches!(url.scheme(), "ws" | "wss") { "GET" } else { "POST" };
        let span = RequestSpan::begin(method, &url);
        match timeout_at(until, self.send(&url, media_type, envelope, until)).await {
            Ok(sent) => {
                judge(&mut turn, &sent);
                match &sent {
                    Ok(Answer { status, .. }) | Err(TransportError::Status { status, .. }) => {
                        span.answered(*status);
                    }
                    Err(error) => span.failed(error.result()),
                }
                sent
            }
            Err(_) => {
                span.failed("timeout");
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
        media_type: &'static str,
        envelope: Bytes,
        until: Instant,
    ) -> Result<Answer, TransportError> {
        match url.scheme() {
            "ws" | "wss" => self.websockets.send(url, envelope).await,
            _ => http::post(&self.client, self.policy, url, media_type, envelope, until).await,
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
async fn wrap(envelope: Bytes, wrapping: Option<Wrapping>) -> Result<Bytes, TransportError> {
    let Some(wrapping) = wrapping else { return Ok(envelope) };
    let wrap = move || {
        let ids = || Uuid::new_v4().to_string();
        match wrapping {
            Wrapping::V1 { recipient, mediators } => {
                forward::wrap(&envelope, &recipient, &mediators, ids, &mut rand::rng())
            }
            Wrapping::V2 { recipient, mediators } => {
                forward::v2::wrap(&envelope, &recipient, &mediators, ids, &mut rand::rng())
            }
        }
    };
    let wrapped = tokio::task::spawn_blocking(wrap).await.map_err(|error| {
        TransportError::Field { field: "envelope", reason: format!("cannot be wrapped: {error}") }
    })??;
    if wrapped.len() > MAX_WRAPPED {
        return Err(TransportError::TooLarge { actual: wrapped.len(), limit: MAX_WRAPPED });
    }
    Ok(wrapped.into())
}
