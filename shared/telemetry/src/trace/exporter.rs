//! Counts what is sent and lost, and says in the log when the collector goes and comes.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fate {
    result: &'static str,
}

static SPANS: LazyLock<Family<Fate, Counter>> = LazyLock::new(Family::default);

/// Shows what became of the spans of this process: `trace_spans_total{result}`.
pub fn register(registry: &mut Registry) {
    registry.register(
        "trace_spans",
        "Spans that were sent to the collector, or lost",
        SPANS.clone(),
    );
}

/// An exporter whose work is counted.
#[derive(Debug)]
pub(super) struct Counted<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E> Counted<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, failing: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(0);
        let sent = self.exporter.export(batch).await;
        let result = if sent.is_ok() { "exported" } else { "lost" };
        SPANS.get_or_create(&Fate { result }).inc_by(count);
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => tracing::warn!(%error, "spans cannot be sent"),
            Ok(()) if failed_before => tracing::info!("spans can be sent again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
