//! How many messages one address and one peer may send.

use std::net::IpAddr;
use std::time::Duration;

use entente_rpc::auth::{Rates, network};

use crate::config::DidcommLimits;

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

    /// Whether another message from an address is read.
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

fn rates<K: std::hash::Hash + Eq + Send + Sync + 'static>(rate: u32) -> Option<Rates<K>> {
    (rate > 0).then(|| Rates::new(rate.into(), f64::from(rate) * BURST))
}
