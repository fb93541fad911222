//! Metrics as Prometheus and OpenMetrics read them.

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::process::Process;

/// The content type of [`encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry that has the process's own metrics. `version` is the program's.
#[must_use]
pub fn registry(version: &str) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process::new(version)));
    registry
}

/// All metrics as OpenMetrics text.
///
/// # Errors
/// When a collector fails.
pub fn encode(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::with_capacity(8 * 1024);
    text::encode(&mut text, registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_shows_its_memory_and_version() {
        let text = encode(&registry("1.2.3")).unwrap();
        let resident = text
            .lines()
            .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))
            .unwrap();
        assert!(resident.parse::<f64>().unwrap() > 100_000.0, "{text}");
        assert!(text.contains("entente_build_info{version=\"1.2.3\"} 1"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
