//! What the service counts. No ids or DIDs are labels; labels are in lower case, as all of Entente's but the codes of gRPC.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of the service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    transitions: Family<Transition, Counter>,
    reuse: Family<Reuse, Counter>,
    inbound: Family<Inbound, Counter>,
    refused: Family<Refused, Counter>,
    deliveries: Family<Delivery, Counter>,
    outbox: Gauge,
    outbox_age: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transition {
    role: &'static str,
    to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reuse {
    outcome: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Inbound {
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    rule: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    result: &'static str,
}

/// What the publisher of events counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublisherMetrics {
    pub published: Counter,
    pub lag: Gauge,
}

impl PublisherMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let (published, lag) = (metrics.published.clone(), metrics.lag.clone());
        registry.register(
            "entente_nats_events_published",
            "Events that JetStream acknowledged",
            published,
        );
        registry.register(
            "entente_nats_events_waiting",
            "Events that JetStream has not acknowledged yet",
            lag,
        );
        metrics
    }
}

impl Metrics {
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let inner = &metrics.inner;
        registry.register(
            "entente_exchange_transitions",
            "Handshakes that moved to a state",
            inner.transitions.clone(),
        );
        registry.register(
            "entente_reuse_decisions",
            "Decisions on accepted invitations",
            inner.reuse.clone(),
        );
        registry.register(
            "entente_messages_received",
            "Inbound messages by what became of them",
            inner.inbound.clone(),
        );
        registry.register(
            "entente_messages_refused",
            "Inbound messages that were refused, by the rule that they broke",
            inner.refused.clone(),
        );
        registry.register(
            "entente_messages_delivered",
            "Attempts to deliver a message",
            inner.deliveries.clone(),
        );
        registry.register(
            "entente_outbox_depth",
            "Messages that wait for their endpoint",
            inner.outbox.clone(),
        );
        registry.register(
            "entente_outbox_age_seconds",
            "How long the oldest of these messages has waited",
            inner.outbox_age.clone(),
        );
        metrics
    }

    pub fn transition(&self, role: &'static str, to: &str) {
        let to = to.to_lowercase();
        self.inner.transitions.get_or_create(&Transition { role, to }).inc();
    }

    pub fn reuse(&self, outcome: &str, reason: &str) {
        let labels = Reuse { outcome: outcome.to_lowercase(), reason: reason.to_lowercase() };
        self.inner.reuse.get_or_create(&labels).inc();
    }

    pub fn inbound(&self, result: &str) {
        self.inner.inbound.get_or_create(&Inbound { result: result.to_lowercase() }).inc();
    }

    pub fn refused(&self, rule: &'static str) {
        self.inner.refused.get_or_create(&Refused { rule }).inc();
    }

    pub fn delivery(&self, result: &'static str) {
        self.inner.deliveries.get_or_create(&Delivery { result }).inc();
    }

    /// How many messages wait, and how long the oldest has, in milliseconds.
    pub fn outbox(&self, depth: i64, age: i64) {
        self.inner.outbox.set(depth);
        // Fewer than 2^53 milliseconds.
        self.inner.outbox_age.set(age as f64 / 1000.0);
    }
}
