//! What an operator sees of it.

use std::sync::LazyLock;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::{Purpose, Tls};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    listener: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

static REFUSED: LazyLock<Family<Refusal, Counter>> = LazyLock::new(Family::default);
static RELOADED: LazyLock<Family<Outcome, Counter>> = LazyLock::new(Family::default);

pub(crate) fn refused(purpose: Purpose, reason: &'static str) {
    let listener = match purpose {
        Purpose::Grpc => "grpc",
        Purpose::Admin => "admin",
        Purpose::Didcomm => "didcomm",
    };
    REFUSED.get_or_create_owned(&Refusal { listener, reason }).inc();
}

pub(crate) fn reloaded(outcome: &'static str) {
    RELOADED.get_or_create_owned(&Outcome { outcome }).inc();
}

impl Tls {
    /// Shows `tls_certificate_expiry_timestamp_seconds`, `tls_reload_failed` (1 while files that changed cannot be used),
    /// `tls_reloads_total{outcome}` and `tls_handshakes_refused_total{listener,reason}`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("tls_reloads", "Readings of changed TLS files", RELOADED.clone());
        registry.register(
            "tls_handshakes_refused",
            "TLS connections that did not come about",
            REFUSED.clone(),
        );
        registry.register_collector(Box::new(InUse(self.clone())));
    }
}

/// What is in use when it is asked for.
#[derive(Debug)]
struct InUse(Tls);

impl Collector for InUse {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name, help, value: i64| {
            let gauge = ConstGauge::new(value);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)
        };
        if let Some(expires) = self.0.expires() {
            let help = "When the TLS certificate in use ends";
            gauge("tls_certificate_expiry_timestamp_seconds", help, expires)?;
        }
        let help = "1 while TLS files that changed cannot be used";
        gauge("tls_reload_failed", help, self.0.is_stale().into())
    }
}
