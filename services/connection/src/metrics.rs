//! What the service counts. No ids or DIDs are labels.

use std::sync::Arc;

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
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Transition {
    role: &'static str,
    to: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reuse {
    outcome: &'static str,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Inbound {
    result: &'static str,
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
        metrics
    }

    pub fn transition(&self, role: &'static str, to: &'static str) {
        self.inner.transitions.get_or_create(&Transition { role, to }).inc();
    }

    pub fn reuse(&self, outcome: &'static str, reason: &str) {
        self.inner.reuse.get_or_create(&Reuse { outcome, reason: reason.to_lowercase() }).inc();
    }

    pub fn inbound(&self, result: &'static str) {
        self.inner.inbound.get_or_create(&Inbound { result }).inc();
    }

    pub fn refused(&self, rule: &'static str) {
        self.inner.refused.get_or_create(&Refused { rule }).inc();
    }

    pub fn delivery(&self, result: &'static str) {
        self.inner.deliveries.get_or_create(&Delivery { result }).inc();
    }

    pub fn outbox(&self, depth: i64) {
        self.inner.outbox.set(depth);
    }
}
