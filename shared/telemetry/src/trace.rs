//! Spans, sent to a collector by OTLP over gRPC. They wait in a queue that is bounded: what does not fit, as when the
//! collector is away, is lost, and nothing waits for it.

mod exporter;

use std::time::Duration;

use entente_trace::Conventions;
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;

use exporter::Counted;
pub use exporter::register;

/// How long the last spans may take at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// Where spans go, and who sends them. The SDK itself reads what else OpenTelemetry has variables for: the sampler, the
/// batches, headers and time-outs of the export, attributes of the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The collector: `http://host:port`.
    pub endpoint: String,
    /// `service.name`, whatever `OTEL_RESOURCE_ATTRIBUTES` says.
    pub service_name: Option<String>,
    /// `service.name`, where nothing says another.
    pub default_service_name: String,
    /// `service.version`.
    pub version: String,
    /// What spans name their attributes.
    pub conventions: Conventions,
}

/// The spans of the process on their way.
#[derive(Debug)]
pub struct Tracing(SdkTracerProvider);

/// Sends the spans of the process from now on. To be called once, within a runtime, which carries the export.
///
/// # Errors
/// When the endpoint, or a variable of OpenTelemetry, cannot be used.
pub fn install(config: Config) -> Result<Tracing, TraceError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(&config.endpoint).build();
    let exporter =
        exporter.map_err(|source| TraceError { endpoint: config.endpoint.clone(), source })?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(Counted::new(exporter))
        .with_resource(resource(&config))
        .build();
    let tracer = BoxedTracer::new(Box::new(provider.tracer("entente")));
    entente_trace::install(tracer, config.conventions);
    Ok(Tracing(provider))
}

/// The variables win over our defaults, and the variable for the name alone over that for all.
fn resource(config: &Config) -> Resource {
    let resource = Resource::builder_empty()
        .with_service_name(config.default_service_name.clone())
        .with_attributes([
            KeyValue::new("service.version", config.version.clone()),
            KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ])
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match &config.service_name {
        Some(name) => resource.with_service_name(name.clone()).build(),
        None => resource.build(),
    }
}

impl Tracing {
    /// Sends what waits, for a while.
    pub async fn shutdown(self) {
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH));
        if !matches!(flushed.await, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

/// Why no spans are sent.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent to {endpoint:?}")]
pub struct TraceError {
    endpoint: String,
    #[source]
    source: ExporterBuildError,
}
