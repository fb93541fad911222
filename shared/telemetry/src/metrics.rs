//! Metrics as Prometheus reads them.

use std::collections::HashSet;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::process::Process;

/// The content type of [`encode`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A registry that has the process's own metrics. `version` is the program's.
#[must_use]
pub fn registry(version: &str) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process::new(version)));
    registry
}

/// All metrics in Prometheus' text format, which every collector and `promtool` takes.
///
/// # Errors
/// When a collector fails.
pub fn encode(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut open_metrics = String::with_capacity(8 * 1024);
    text::encode(&mut open_metrics, registry)?;
    Ok(text_format(&open_metrics))
}

/// OpenMetrics calls a counter's family by its name without `_total`, and has units and an end; the text format has not.
fn text_format(open_metrics: &str) -> String {
    let counters: HashSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len() + 64 * counters.len());
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
            (Some("#"), Some(keyword), Some(name), Some(rest)) if counters.contains(name) => {
                text.extend(["# ", keyword, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::registry::Unit;

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
    }

    #[test]
    fn the_text_format_names_counters_as_their_samples_and_has_no_unit_and_end() {
        let mut registry = Registry::default();
        let (calls, depth) = (Counter::<u64>::default(), Gauge::<i64>::default());
        registry.register("calls", "Calls of # all", calls.clone());
        registry.register_with_unit("depth", "Depth", Unit::Other("rows".into()), depth);
        calls.inc();
        assert_eq!(
            encode(&registry).unwrap(),
            "# HELP calls_total Calls of # all.\n# TYPE calls_total counter\ncalls_total 1\n\
             # HELP depth_rows Depth.\n# TYPE depth_rows gauge\ndepth_rows 0\n"
        );
    }
}
