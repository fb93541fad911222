//! Events to the owner's URLs: each at least once, those of one connection in order, across restarts.
//!
//! Each URL is a consumer of the event log, with a cursor kept there. The cursor moves up to the oldest event that is
//! not done with; what lies after it comes again after a restart.

mod delivery;
mod reader;
mod registered;
mod target;
mod window;

use std::sync::Arc;
use std::time::Duration;

use entente_net::AddressPolicy;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::gateway::Shared;
use delivery::Delivery;
use reader::Reader;
pub(crate) use registered::{Ways, follow_registered};
pub use target::TargetError;
pub(crate) use target::{Target, split_key};

/// Calls to one URL at once.
const MAX_CALLS: usize = 16;

/// How webhooks are delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `http://host/path`, called as `<url>/topic/<topic>/`. What follows a `#` is sent as `x-api-key`.
    pub urls: Vec<String>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Calls for one event; then it is a dead letter.
    pub attempts: u32,
    /// The delay after the first failure; it doubles with each further one.
    pub first_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
    /// Events of one URL that are kept in memory until they are done with.
    pub window: usize,
    /// How often dead letters for which another try was asked are looked for.
    pub replay_interval: Duration,
    /// Whether webhooks that callers registered may be on loopback and private networks.
    pub allow_private: bool,
}

impl WebhookSettings {
    /// Where webhooks may be that callers registered.
    pub(crate) fn policy(&self) -> AddressPolicy {
        if self.allow_private { AddressPolicy::Any } else { AddressPolicy::Public }
    }
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            timeout: Duration::from_secs(10),
            attempts: 12,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            window: 512,
            replay_interval: Duration::from_secs(10),
            allow_private: false,
        }
    }
}

/// Starts a reader for each URL of the base wallet.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    targets: Vec<Target>,
    client: &reqwest::Client,
) -> Vec<JoinHandle<()>> {
    targets.into_iter().map(|target| read(shared, target, client)).collect()
}

/// Starts the reader of a URL.
fn read(shared: &Arc<Shared>, target: Target, client: &reqwest::Client) -> JoinHandle<()> {
    let delivery = Delivery {
        client: client.clone(),
        settings: shared.config.webhooks.clone(),
        permits: Semaphore::new(MAX_CALLS),
        metrics: shared.metrics.clone(),
        target,
        stop: shared.stop.subscribe(),
        shared: shared.clone(),
    };
    tokio::spawn(Reader::new(shared.clone(), Arc::new(delivery)).run())
}
