//! What the keystore counts.

use std::borrow::Cow;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    rpc: &'static str,
    /// `ok`, or the reason of the error.
    outcome: Cow<'static, str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rpc {
    rpc: &'static str,
}

/// Counters that are registered once and counted anywhere.
#[derive(Clone)]
pub(crate) struct Metrics {
    calls: Family<Call, Counter>,
    durations: Family<Rpc, Histogram>,
    cache_hits: Counter,
    cache_misses: Counter,
}

impl Metrics {
    /// Counts; without a registry nobody sees it.
    pub(crate) fn new(registry: Option<&mut Registry>) -> Self {
        let metrics = Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new([50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 20e-3, 0.1, 1.0])
            }),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
        };
        if let Some(registry) = registry {
            metrics.register(registry.sub_registry_with_prefix("entente_keystore"));
        }
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("calls", "Calls by RPC and outcome", self.calls.clone());
        registry.register_with_unit(
            "call_duration",
            "Time in a call, of all outcomes",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "key_cache_hits",
            "Private keys found in memory",
            self.cache_hits.clone(),
        );
        registry.register(
            "key_cache_misses",
            "Private keys looked up in the store, whether they were there or not",
            self.cache_misses.clone(),
        );
    }

    pub(crate) fn call(&self, rpc: &'static str, outcome: Cow<'static, str>, took: Duration) {
        self.calls.get_or_create(&Call { rpc, outcome }).inc();
        self.durations.get_or_create(&Rpc { rpc }).observe(took.as_secs_f64());
    }

    pub(crate) fn cache_hits(&self, count: usize) {
        self.cache_hits.inc_by(count as u64);
    }

    pub(crate) fn cache_misses(&self, count: usize) {
        self.cache_misses.inc_by(count as u64);
    }
}
