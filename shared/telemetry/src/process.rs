//! What the operating system knows of this process, from `/proc`.

use std::time::{Instant, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};

/// Linux gives CPU time to programs in hundredths of a second (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// Gives the process's metrics at each scrape. Where there is no `/proc`, those that come from it are left out.
#[derive(Debug)]
pub struct Process {
    version: String,
    started: Instant,
    started_at: f64,
}

impl Process {
    /// For a program of this version that starts now.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            version: version.to_owned(),
            started: Instant::now(),
            started_at: since_epoch.as_secs_f64(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge(
            "process_start_time_seconds",
            "Start of the process since the Unix epoch",
            self.started_at,
        )?;
        gauge(
            "entente_uptime_seconds",
            "Time since the start",
            self.started.elapsed().as_secs_f64(),
        )?;
        if let Some(bytes) = resident_memory("self") {
            gauge("process_resident_memory_bytes", "Resident memory", bytes as f64)?;
        }
        if let Some(open) = open_files("self") {
            gauge("process_open_fds", "Open file descriptors", open as f64)?;
        }
        if let Some(seconds) = cpu_seconds("self") {
            let counter = ConstCounter::new(seconds);
            let help = "CPU time used, user and system";
            counter.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        let build = Family::<[(String, String); 1], Gauge>::default();
        build.get_or_create(&[("version".to_owned(), self.version.clone())]).set(1);
        build.encode(encoder.encode_descriptor(
            "entente_build_info",
            "The program",
            None,
            build.metric_type(),
        )?)
    }
}

/// The resident memory of a process in bytes; `process` is its id or `self`.
#[must_use]
pub fn resident_memory(process: &str) -> Option<u64> {
    status(process, "VmRSS:")
}

/// The part of it that is no file's: mapped pages of a database, which the system takes back when it wants, are not in it.
#[must_use]
pub fn anonymous_memory(process: &str) -> Option<u64> {
    status(process, "RssAnon:")
}

/// How many files and sockets a process has open.
#[must_use]
pub fn open_files(process: &str) -> Option<u64> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    u64::try_from(open).ok()
}

fn status(process: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(kibibytes.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

/// The CPU time that a process has used, user and system, in seconds; `process` is its id or `self`.
#[must_use]
pub fn cpu_seconds(process: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses and may itself have spaces; utime and stime are the 14th
    // and 15th field.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_seconds("self").unwrap();
        let begun = Instant::now();
        while begun.elapsed().as_millis() < 50 {
            std::hint::spin_loop();
        }
        let used = cpu_seconds("self").unwrap() - before;
        assert!((0.02..5.0).contains(&used), "{used}");
    }
}
