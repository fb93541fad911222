//! A load for a long time, and whether anything grows under it.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::time::sleep_until;

use super::agent::Agent;
use super::measure::{Measured, measure};
use super::work::Work;
use super::{Args, BenchError};
use crate::output::Output;

/// How many handshakes the capacity is measured with: enough that the disk is at work.
const PROBE: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);
/// The share of the capacity that is asked for.
const LOAD: f64 = 0.7;
/// The minute that the end is compared with: by then caches and pools are full.
const REFERENCE: usize = 5;
/// How many minutes stand for one, by their medians: what else the machine does for a minute is not to count.
const SPAN: usize = 5;
/// How much more anything may be at the end.
const TOLERANCE: f64 = 1.05;

/// What a minute was like, or minutes by their medians.
struct Minute {
    /// Of both agents, in bytes.
    memory: u64,
    files: u64,
    /// Bytes on disk for each handshake so far.
    disk: f64,
    /// Of the handshakes of that minute, in milliseconds.
    p50: f64,
    p99: f64,
}

/// Runs handshakes at a rate for so many minutes, prints each, and compares the last five with those around the fifth.
///
/// # Errors
/// When an operation does not end as it should, or something has grown.
pub(super) async fn run(work: &Work<'_>, minutes: usize, args: &Args) -> Result<(), BenchError> {
    let output = Output { json: args.json };
    let concurrency = usize::from(args.concurrency);
    let probe = |()| async {
        let begun = Instant::now();
        Ok(work.connect("probe").await?.duration_since(begun))
    };
    let agents = [work.inviter, work.invitee];
    let probed = measure("probe", agents, concurrency, vec![(); PROBE], probe).await?;
    let capacity = probed.rate();
    let rate = capacity * LOAD;
    output.say(&format!("capacity: {capacity:.0} handshakes/s; the load: {rate:.0} handshakes/s"));
    let mut made = PROBE;
    let mut seen = Vec::new();
    for number in 1..=minutes {
        let measured = arrive(work, rate).await?;
        made += measured.count();
        let minute = Minute::after(&measured, made, agents);
        minute.print(number, measured.rate(), output);
        seen.push(minute);
    }
    let reference = REFERENCE.min(minutes.div_ceil(2));
    let around = seen.iter().skip(reference.saturating_sub(SPAN.div_ceil(2))).take(SPAN);
    let last = seen.iter().rev().take(SPAN);
    match (Minute::median(around), Minute::median(last)) {
        (Some(before), Some(after)) => after.compare(&before, reference, output),
        _ => Ok(()),
    }
}

/// A minute of handshakes that begin at a rate, whether or not those before are done: latencies run from when one was due.
async fn arrive(work: &Work<'_>, rate: f64) -> Result<Measured, BenchError> {
    let begun = Instant::now();
    let interval = Duration::from_secs_f64(1.0 / rate);
    let mut due = begun;
    let (mut under_way, mut latencies) = (FuturesUnordered::new(), Vec::new());
    loop {
        tokio::select! {
            () = sleep_until(due.into()), if begun + MINUTE > due => {
                let since = due;
                under_way.push(async move {
                    Ok::<_, BenchError>(work.connect("handshake").await?.duration_since(since))
                });
                due += interval;
            }
            Some(latency) = under_way.next() => latencies.push(latency?),
            else => break,
        }
    }
    let mut measured = Measured::of_nothing("handshake".to_owned());
    measured.add((begun.elapsed(), latencies));
    Ok(measured)
}

impl Minute {
    fn after(measured: &Measured, made: usize, agents: [&Agent; 2]) -> Self {
        let sum = |of: fn(&Agent) -> Option<u64>| agents.into_iter().filter_map(of).sum::<u64>();
        Self {
            memory: sum(Agent::anonymous_memory),
            files: sum(Agent::open_files),
            disk: sum(Agent::disk) as f64 / made as f64,
            p50: measured.percentile(0.50),
            p99: measured.percentile(0.99),
        }
    }

    /// None of none.
    fn median<'a>(minutes: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let of = |value: fn(&Self) -> f64| {
            let mut values: Vec<_> = minutes.clone().map(value).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        Some(Self {
            memory: of(|minute| minute.memory as f64)? as u64,
            files: of(|minute| minute.files as f64)? as u64,
            disk: of(|minute| minute.disk)?,
            p50: of(|minute| minute.p50)?,
            p99: of(|minute| minute.p99)?,
        })
    }

    fn print(&self, number: usize, rate: f64, output: Output) {
        let Self { memory, files, disk, p50, p99 } = self;
        if output.json {
            return output
                .record(&json!({"minute": number, "rate_per_second": rate, "memory": memory,
                "open_files": files, "disk_per_handshake": disk, "p50_ms": p50, "p99_ms": p99}));
        }
        output.say(&format!(
            "minute {number}: {rate:.0}/s, {:.1} MiB of memory, {files} open files, \
             {disk:.0} bytes on disk for each handshake, p50 {p50:.1} ms, p99 {p99:.1} ms",
            *memory as f64 / f64::from(1 << 20)
        ));
    }

    /// Prints how many times as much it is as another minute, and fails where that is too much.
    fn compare(&self, before: &Self, reference: usize, output: Output) -> Result<(), BenchError> {
        let ratios = [
            ("memory", self.memory as f64 / before.memory as f64),
            ("open files", self.files as f64 / before.files as f64),
            ("disk for each handshake", self.disk / before.disk),
            ("p50", self.p50 / before.p50),
            ("p99", self.p99 / before.p99),
        ];
        for (what, ratio) in ratios {
            output.say(&format!("{what}: {ratio:.3} times what it was around minute {reference}"));
        }
        let grown = |(_, ratio): &&(&str, f64)| *ratio > TOLERANCE;
        let grown: Vec<_> = ratios.iter().filter(grown).map(|(what, _)| *what).collect();
        if grown.is_empty() { Ok(()) } else { Err(BenchError::Grown(grown.join(", "))) }
    }
}
