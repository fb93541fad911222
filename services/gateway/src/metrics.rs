use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A label that says how something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ResultLabel {
    result: &'static str,
}

/// What the gateway counts. Labels have few values: no ids, no DIDs, no URLs.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    inbound: Family<ResultLabel, Counter>,
    webhooks: Family<ResultLabel, Counter>,
    /// DIDComm WebSockets that are open.
    pub(crate) didcomm_sockets: Gauge,
    /// Admin WebSockets that are open.
    pub(crate) admin_sockets: Gauge,
    /// Events that are not yet delivered to every webhook.
    pub(crate) webhook_lag: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("entente_gateway");
        registry.register(
            "inbound_messages",
            "Inbound DIDComm messages by result",
            metrics.inbound.clone(),
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

    pub(crate) fn inbound(&self, result: &'static str) {
        self.inbound.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn webhook(&self, result: &'static str) {
        self.webhooks.get_or_create(&ResultLabel { result }).inc();
    }
}
