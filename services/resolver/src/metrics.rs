//! What the resolver counts.

use std::time::Duration;

use entente_did::{Did, Method};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a resolution.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    method: &'static str,
    result: &'static str,
}

/// The resolver's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    resolutions: Family<Labels, Counter>,
    fetches: Histogram,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            resolutions: Family::default(),
            fetches: Histogram::new(exponential_buckets(0.005, 2.0, 11)),
        };
        registry.register(
            "resolutions",
            "Resolutions, by method and result",
            metrics.resolutions.clone(),
        );
        registry.register(
            "fetch_duration_seconds",
            "Time to fetch a did:web document",
            metrics.fetches.clone(),
        );
        metrics
    }

    /// Counts a resolution; `result` is "ok", "cached" or an error in one word.
    pub(crate) fn resolved(&self, method: &'static str, result: &'static str, took: Duration) {
        self.resolutions.get_or_create(&Labels { method, result }).inc();
        if method == "web" && result != "cached" {
            self.fetches.observe(took.as_secs_f64());
        }
    }
}

/// The method with its variant, as the response names it; of methods that are not supported, only that.
pub(crate) fn method_name(did: Option<&Did>) -> &'static str {
    match did.map(Did::method) {
        None => "malformed",
        Some(Method::Key) => "key",
        Some(Method::Peer0) => "peer:0",
        Some(Method::Peer2) => "peer:2",
        Some(Method::Peer4) => "peer:4",
        Some(Method::Web) => "web",
        Some(Method::Unqualified) => "unqualified",
        Some(_) => "other",
    }
}
