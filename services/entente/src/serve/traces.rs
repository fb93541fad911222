//! Spans, if there is a collector: by our setting, or by OpenTelemetry's own variables ("Environment Variable
//! Specification").

use entente_telemetry::trace::{self, Tracing};
use entente_trace::Conventions;

use super::ServeError;
use crate::config::Config;

/// Sends spans from now on, if anybody wants them.
pub(super) fn start(config: &Config) -> Result<Option<Tracing>, ServeError> {
    let endpoint = config.otlp_endpoint.clone().or_else(|| {
        variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
    });
    let is = |name: &str, value: &str| {
        variable(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
    };
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let Some(endpoint) = endpoint else { return Ok(None) };
    let opted_in = variable("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
    let settings = trace::Config {
        endpoint,
        service_name: variable("OTEL_SERVICE_NAME"),
        // A service by itself has a name of its own.
        default_service_name: match config.services.as_slice() {
            [service] => format!("entente-{}", service.as_str()),
            _ => "entente".to_owned(),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        conventions: Conventions {
            old_rpc_names: opted_in.split(',').any(|name| name.trim() == "rpc/dup"),
        },
    };
    Ok(Some(trace::install(settings)?))
}

/// A variable that is empty is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
