//! A load for a long time, with as much to go as to come, and whether anything grows under it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep_until};

use super::agent::Agent;
use super::measure::Measured;
use super::work::{Made, Work};
use super::{Args, BenchError};
use crate::output::Output;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long a connection lives.
const LIFE: Duration = Duration::from_secs(60);
/// The share of the capacity that is asked for.
const LOAD: f64 = 0.7;
/// The minute that the end is compared with: by then caches and pools are full, and as much ends as begins.
const REFERENCE: usize = 5;
/// How many minutes stand for one, by their medians: what else the machine does for a minute is not to count.
const SPAN: usize = 5;
/// How much more anything may be at the end.
const TOLERANCE: f64 = 1.05;
/// What the agents are started with, so that what is kept for a time comes and goes too.
pub(super) const RETENTION: [&str; 6] =
    ["--event-retention", "1m", "--message-id-retention", "1m", "--audit-retention", "1m"];

/// What a minute was like, or minutes by their medians.
struct Minute {
    /// Of both agents, in bytes, as the mean of the minute.
    memory: u64,
    /// The same: connections between the agents come and go.
    files: u64,
    /// Bytes on disk.
    disk: u64,
    /// CPU milliseconds of both agents, for each connection of that minute.
    cpu: f64,
    /// Of the handshakes of that minute, in milliseconds.
    p50: f64,
    p99: f64,
}

/// Makes connections at a rate for so many minutes and deletes each a minute later, prints every minute, and compares the
/// last five with those around the fifth.
///
/// # Errors
/// When an operation does not end as it should, or something has grown.
pub(super) async fn run(work: &Work<'_>, minutes: usize, args: &Args) -> Result<(), BenchError> {
    let output = Output { json: args.json };
    let concurrency = usize::from(args.concurrency);
    let capacity = capacity(work, concurrency).await?;
    let rate = capacity * LOAD;
    output
        .say(&format!("capacity: {capacity:.0} connections/s; the load: {rate:.0} connections/s"));
    let seen = lives(work, minutes, rate, output).await?;
    let reference = REFERENCE.min(minutes.div_ceil(2));
    let around = seen.iter().skip(reference.saturating_sub(SPAN.div_ceil(2))).take(SPAN);
    let last = seen.iter().rev().take(SPAN);
    match (Minute::median(around), Minute::median(last)) {
        (Some(before), Some(after)) => after.compare(&before, reference, output),
        _ => Ok(()),
    }
}

/// How many connections a second are made and deleted a minute later, so many at a time: in the last of three minutes, when
/// as much goes as comes.
async fn capacity(work: &Work<'_>, concurrency: usize) -> Result<f64, BenchError> {
    let (measured_from, end) = (Instant::now() + 2 * MINUTE, Instant::now() + 3 * MINUTE);
    let there = Mutex::new(VecDeque::<Made>::new());
    let next = |now: Option<Instant>| {
        let mut there = there.lock().unwrap_or_else(PoisonError::into_inner);
        there.pop_front_if(|made| now.is_none_or(|now| made.at + LIFE <= now))
    };
    let one_after_the_other = async || {
        let mut count = 0_u32;
        while Instant::now() < end {
            let made = work.connect("handshake").await?;
            count += u32::from(made.at > measured_from);
            there.lock().unwrap_or_else(PoisonError::into_inner).push_back(made);
            if let Some(old) = next(Some(Instant::now())) {
                work.end(old).await?;
            }
        }
        while let Some(left) = next(None) {
            work.end(left).await?;
        }
        Ok::<_, BenchError>(count)
    };
    let counts = try_join_all((0..concurrency).map(|_| one_after_the_other())).await?;
    Ok(f64::from(counts.iter().sum::<u32>()) / (end - measured_from).as_secs_f64())
}

/// Connections that begin at a rate, whether or not those before are done: latencies run from when one was due.
async fn lives(
    work: &Work<'_>,
    minutes: usize,
    rate: f64,
    output: Output,
) -> Result<Vec<Minute>, BenchError> {
    let between = Duration::from_secs_f64(1.0 / rate);
    let agents = [work.inviter, work.invitee];
    let used = || agents.iter().filter_map(|agent| agent.cpu_seconds()).sum::<f64>();
    let (made, mut latencies) = mpsc::unbounded_channel();
    let (mut lives, mut seen) = (FuturesUnordered::new(), Vec::new());
    let (mut minute, mut due) = (Vec::new(), Instant::now());
    let (mut end, mut cpu) = (due + MINUTE, used());
    let (mut seconds, mut sizes) = (interval(SECOND), Vec::new());
    while seen.len() < minutes {
        tokio::select! {
            () = sleep_until(due.into()) => {
                lives.push(live(work, due, made.clone()));
                due += between;
            }
            Some(ended) = lives.next() => ended?,
            Some(latency) = latencies.recv() => minute.push(latency),
            _ = seconds.tick() => sizes.push(Size::of(agents)),
            () = sleep_until(end.into()) => {
                let mut measured = Measured::of_nothing("connection".to_owned());
                measured.add((MINUTE, std::mem::take(&mut minute)));
                let before = std::mem::replace(&mut cpu, used());
                let size = Size::mean(&std::mem::take(&mut sizes));
                let summary = Minute::after(&measured, cpu - before, size, agents);
                summary.print(seen.len() + 1, measured.rate(), output);
                seen.push(summary);
                end += MINUTE;
            }
        }
    }
    Ok(seen)
}

/// Makes a connection, tells how long that took, and deletes it when its time is over.
async fn live(
    work: &Work<'_>,
    due: Instant,
    latencies: mpsc::UnboundedSender<Duration>,
) -> Result<(), BenchError> {
    let made = work.connect("handshake").await?;
    // Nobody waits for it when the soak is over.
    let _ = latencies.send(made.at.duration_since(due));
    sleep_until((made.at + LIFE).into()).await;
    work.end(made).await
}

/// What both agents have at a moment.
struct Size {
    memory: u64,
    files: u64,
}

impl Size {
    fn of(agents: [&Agent; 2]) -> Self {
        let sum = |of: fn(&Agent) -> Option<u64>| agents.into_iter().filter_map(of).sum();
        Self { memory: sum(Agent::anonymous_memory), files: sum(Agent::open_files) }
    }

    fn mean(sizes: &[Self]) -> Self {
        let count = u64::try_from(sizes.len()).unwrap_or(u64::MAX).max(1);
        let mean = |of: fn(&Self) -> u64| sizes.iter().map(of).sum::<u64>() / count;
        Self { memory: mean(|size| size.memory), files: mean(|size| size.files) }
    }
}

impl Minute {
    fn after(measured: &Measured, cpu: f64, size: Size, agents: [&Agent; 2]) -> Self {
        Self {
            memory: size.memory,
            files: size.files,
            disk: agents.into_iter().filter_map(Agent::disk).sum(),
            cpu: cpu * 1000.0 / measured.count().max(1) as f64,
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
            disk: of(|minute| minute.disk as f64)? as u64,
            cpu: of(|minute| minute.cpu)?,
            p50: of(|minute| minute.p50)?,
            p99: of(|minute| minute.p99)?,
        })
    }

    fn print(&self, number: usize, rate: f64, output: Output) {
        let Self { memory, files, disk, cpu, p50, p99 } = self;
        if output.json {
            return output.record(&json!({"minute": number, "rate_per_second": rate,
                "memory": memory, "open_files": files, "disk": disk, "cpu_ms": cpu,
                "p50_ms": p50, "p99_ms": p99}));
        }
        let [memory, disk] = [memory, disk].map(|bytes| *bytes as f64 / f64::from(1 << 20));
        output.say(&format!(
            "minute {number}: {rate:.0}/s, {memory:.1} MiB of memory, {files} open files, {disk:.1} MiB on disk, \
             {cpu:.2} ms of CPU each, p50 {p50:.1} ms, p99 {p99:.1} ms"
        ));
    }

    /// Prints how many times as much it is as another minute, and fails where that is too much.
    fn compare(&self, before: &Self, reference: usize, output: Output) -> Result<(), BenchError> {
        let ratios = [
            ("memory", self.memory as f64 / before.memory as f64),
            ("open files", self.files as f64 / before.files as f64),
            ("disk", self.disk as f64 / before.disk as f64),
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
