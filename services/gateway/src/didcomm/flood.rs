//! How many messages one address and one peer may send, and how long who sends more waits for its refusal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use entente_rpc::auth::{Peer, Rates, network};

use super::post::too_many;
use crate::config::DidcommLimits;
use crate::gateway::Shared;

/// How long a refusal is held back: who comes again as soon as it is answered, comes so often and no more.
pub(super) const HELD: Duration = Duration::from_secs(1);
/// How many seconds' worth may come at once.
const BURST: f64 = 5.0;

/// The rates; `None` where there is no limit.
pub(crate) struct Flood {
    addresses: Option<Rates<IpAddr>>,
    peers: Option<Rates<(String, String)>>,
}

impl Flood {
    pub(crate) fn new(limits: &DidcommLimits) -> Self {
        Self { addresses: rates(limits.address_rate), peers: rates(limits.peer_rate) }
    }

    /// Whether another request or frame from an address is read.
    ///
    /// # Errors
    /// How long until one is.
    pub(super) fn address(&self, from: Option<IpAddr>) -> Result<(), Duration> {
        match (&self.addresses, network(from)) {
            (Some(rates), Some(from)) => rates.take(from),
            _ => Ok(()),
        }
    }

    /// Whether another message that a key of a peer authenticates is handled. Who shows no key is known by its address alone.
    ///
    /// # Errors
    /// How long until one is.
    pub(super) fn peer(&self, tenant: &str, sender_key: &str) -> Result<(), Duration> {
        match &self.peers {
            Some(rates) if !sender_key.is_empty() => {
                rates.take((tenant.to_owned(), sender_key.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a request of an address that sends too many, before any of its body is read.
pub(super) async fn limit(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let from = shared.address(request.headers(), request.extensions().get::<Peer>());
    match shared.flood.address(from) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            shared.metrics.inbound("rate_limited");
            too_many(wait).await
        }
    }
}

fn rates<K: std::hash::Hash + Eq + Send + Sync + 'static>(rate: u32) -> Option<Rates<K>> {
    (rate > 0).then(|| Rates::new(rate.into(), f64::from(rate) * BURST))
}
