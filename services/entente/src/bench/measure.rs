//! Rates, latencies and costs of many operations.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::BenchError;
use super::agent::Agent;

/// What many operations of one kind took.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) elapsed: Duration,
    /// Sorted.
    pub(super) latencies: Vec<Duration>,
    /// CPU seconds of the inviter and the invitee, where they can be read.
    pub(super) cpu: [Option<f64>; 2],
}

impl Measured {
    pub(super) fn of_nothing(name: String) -> Self {
        Self { name, elapsed: Duration::ZERO, latencies: Vec::new(), cpu: [None; 2] }
    }

    /// Adds what was measured in another round.
    pub(super) fn add(&mut self, (elapsed, latencies): (Duration, Vec<Duration>)) {
        self.elapsed += elapsed;
        self.latencies.extend(latencies);
        self.latencies.sort_unstable();
    }

    pub(super) fn count(&self) -> usize {
        self.latencies.len()
    }

    pub(super) fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The latency, in milliseconds, that this share of the operations did not exceed (nearest rank).
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let rank = (self.count() as f64 * share).ceil() as usize;
        let latency = self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        latency.as_secs_f64() * 1000.0
    }

    /// CPU milliseconds of one operation: inviter, invitee.
    pub(super) fn cpu_milliseconds(&self) -> [Option<f64>; 2] {
        self.cpu.map(|seconds| seconds.map(|seconds| seconds * 1000.0 / self.count().max(1) as f64))
    }
}

/// Runs operations, so many at a time, each of which gives its latency.
pub(super) async fn measure<F, T>(
    name: impl Into<String>,
    agents: [&Agent; 2],
    concurrency: usize,
    inputs: Vec<T>,
    operation: impl Fn(T) -> F,
) -> Result<Measured, BenchError>
where
    F: Future<Output = Result<Duration, BenchError>>,
{
    let before = agents.map(Agent::cpu_seconds);
    let begun = Instant::now();
    let mut latencies: Vec<Duration> =
        stream::iter(inputs).map(operation).buffer_unordered(concurrency).try_collect().await?;
    let elapsed = begun.elapsed();
    let [inviter, invitee] = agents.map(Agent::cpu_seconds);
    let [inviter_before, invitee_before] = before;
    let used = |after: Option<f64>, before: Option<f64>| Some(after? - before?);
    latencies.sort_unstable();
    let cpu = [used(inviter, inviter_before), used(invitee, invitee_before)];
    Ok(Measured { name: name.into(), elapsed, latencies, cpu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let measured = Measured {
            name: String::new(),
            elapsed: Duration::from_secs(2),
            latencies,
            cpu: [Some(0.4), None],
        };
        assert_eq!(
            [0.5, 0.95, 0.99, 1.0].map(|share| measured.percentile(share)),
            [100.0, 190.0, 198.0, 200.0]
        );
        assert_eq!(measured.rate(), 100.0);
        assert_eq!(measured.cpu_milliseconds(), [Some(2.0), None]);
    }

    #[test]
    fn nothing_measured_is_zero() {
        let measured = Measured {
            name: String::new(),
            elapsed: Duration::ZERO,
            latencies: Vec::new(),
            cpu: [None, None],
        };
        assert_eq!((measured.percentile(0.5), measured.rate()), (0.0, 0.0));
    }
}
