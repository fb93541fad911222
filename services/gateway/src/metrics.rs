use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// A label that says how something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ResultLabel {
    result: &'static str,
}

/// An HTTP request that ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct HttpLabels {
    pub(crate) listener: &'static str,
    pub(crate) method: &'static str,
    /// The route's pattern, never a path.
    pub(crate) route: String,
    pub(crate) code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

/// Seconds, as for calls of gRPC.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// What the gateway counts. Labels have few values: no ids, no DIDs, no URLs.
#[derive(Clone)]
pub(crate) struct Metrics {
    requests: Family<HttpLabels, Counter>,
    duration: Family<ListenerLabel, Histogram, fn() -> Histogram>,
    inbound: Family<ResultLabel, Counter>,
    held_back: Counter,
    webhooks: Family<ResultLabel, Counter>,
    /// DIDComm WebSockets that are open.
    pub(crate) didcomm_sockets: Gauge,
    /// Admin WebSockets that are open.
    pub(crate) admin_sockets: Gauge,
    /// Events that are not yet delivered to every webhook.
    pub(crate) webhook_lag: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            inbound: Family::default(),
            held_back: Counter::default(),
            webhooks: Family::default(),
            didcomm_sockets: Gauge::default(),
            admin_sockets: Gauge::default(),
            webhook_lag: Gauge::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("entente_gateway");
        registry.register(
            "http_requests",
            "HTTP requests that ended, WebSockets with their upgrade",
            metrics.requests.clone(),
        );
        registry.register(
            "http_duration_seconds",
            "How long HTTP requests took",
            metrics.duration.clone(),
        );
        registry.register(
            "inbound_messages",
            "Inbound DIDComm messages by result",
            metrics.inbound.clone(),
        );
        registry.register(
            "inbound_held_back",
            "Answers to inbound messages without effect, held back so that their time tells nothing",
            metrics.held_back.clone(),
        );
        registry.register("webhooks", "Webhook calls by result", metrics.webhooks.clone());
        registry.register(
            "didcomm_sockets",
            "Open DIDComm WebSockets",
            metrics.didcomm_sockets.clone(),
        );
        registry.register("admin_sockets", "Open admin WebSockets", metrics.admin_sockets.clone());
        registry.register(
            "webhook_lag_events",
            "Events between the newest one seen and the oldest one not delivered to a webhook",
            metrics.webhook_lag.clone(),
        );
        metrics
    }

    pub(crate) fn http(&self, labels: &HttpLabels, took: Duration) {
        let listener = ListenerLabel { listener: labels.listener };
        self.requests.get_or_create(labels).inc();
        self.duration.get_or_create(&listener).observe(took.as_secs_f64());
    }

    pub(crate) fn inbound(&self, result: &'static str) {
        self.inbound.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn held_back(&self) {
        self.held_back.inc();
    }

    pub(crate) fn webhook(&self, result: &'static str) {
        self.webhooks.get_or_create(&ResultLabel { result }).inc();
    }
}
