//! What the transport counts.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The label of a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    result: &'static str,
}

/// The transport's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    deliveries: Family<Labels, Counter>,
    duration: Histogram,
    in_flight: Gauge,
    fetches: Family<Labels, Counter>,
    pub(crate) breakers_open: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            deliveries: Family::default(),
            duration: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            in_flight: Gauge::default(),
            fetches: Family::default(),
            breakers_open: Gauge::default(),
        };
        registry.register("deliveries", "Deliveries, by result", metrics.deliveries.clone());
        registry.register(
            "delivery_duration_seconds",
            "Time of a delivery",
            metrics.duration.clone(),
        );
        registry.register(
            "deliveries_in_flight",
            "Deliveries under way, waiting ones included",
            metrics.in_flight.clone(),
        );
        registry.register(
            "invitation_fetches",
            "Short invitation URLs fetched, by result",
            metrics.fetches.clone(),
        );
        registry.register(
            "breakers_open",
            "Origins that are left alone after failures",
            metrics.breakers_open.clone(),
        );
        metrics
    }

    /// Counts a delivery as under way until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts a finished delivery; `result` is "ok" or an error in one word.
    pub(crate) fn delivered(&self, result: &'static str, took: Duration) {
        self.deliveries.get_or_create(&Labels { result }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts a finished fetch.
    pub(crate) fn fetched(&self, result: &'static str) {
        self.fetches.get_or_create(&Labels { result }).inc();
    }
}

/// See [`Metrics::begin`].
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
