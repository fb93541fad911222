//! The results as a table, or as JSON.

use serde_json::{Value, json};

use super::Args;
use super::agent::Size;
use super::flood::Count;
use super::measure::Measured;
use crate::output::{Column, Output, at, text};

const COLUMNS: &[Column] = &[
    ("OPERATION", |row| text(at(row, "/operation"))),
    ("COUNT", |row| text(at(row, "/count"))),
    ("RATE/S", |row| number(at(row, "/rate_per_second"), 0)),
    ("P50 MS", |row| number(at(row, "/p50_ms"), 1)),
    ("P95 MS", |row| number(at(row, "/p95_ms"), 1)),
    ("P99 MS", |row| number(at(row, "/p99_ms"), 1)),
    ("CPU MS/OP INVITER", |row| number(at(row, "/cpu_ms_inviter"), 2)),
    ("INVITEE", |row| number(at(row, "/cpu_ms_invitee"), 2)),
    ("SUM", |row| number(at(row, "/cpu_ms_sum"), 2)),
];

pub(super) fn print(results: &[Measured], sizes: [Size; 2], args: &Args) {
    if results.is_empty() {
        return;
    }
    let output = Output { json: args.json };
    rows(results, output);
    let [inviter, invitee] = sizes.map(|size| json!(size));
    if args.json {
        output.record(
            &json!({"inviter": inviter, "invitee": invitee, "concurrency": args.concurrency}),
        );
        return;
    }
    size("inviter", &inviter, output);
    size("invitee", &invitee, output);
    output.say(&format!(
        "{} at a time (lists one after the other), on {} cores shared with this client",
        args.concurrency,
        std::thread::available_parallelism().map_or(1, usize::from)
    ));
}

/// What operations took.
pub(super) fn rows(results: &[Measured], output: Output) {
    let rows: Vec<Value> = results.iter().map(row).collect();
    output.list(&rows, COLUMNS);
}

/// What an agent takes up.
pub(super) fn size(name: &str, size: &Value, output: Output) {
    if let (Some(memory), Some(disk)) =
        (at(size, "/resident_memory").as_u64(), at(size, "/disk").as_u64())
    {
        output.say(&format!("{name}: {} MiB resident, {} MiB on disk", memory >> 20, disk >> 20));
    }
}

/// What a flood did to the others: the ratios of their latencies beside it and alone, and how many calls a second of it were
/// taken and refused.
pub(super) fn beside(results: &[Measured], flood: Option<Count>, output: Output) {
    let ([alone, beside], Some(flood)) = (results, flood) else { return };
    let ratio = |share| beside.percentile(share) / alone.percentile(share);
    let (p50, p99) = (ratio(0.50), ratio(0.99));
    let [taken, refused] =
        [flood.taken, flood.refused].map(|count| count as f64 / beside.elapsed.as_secs_f64());
    if output.json {
        let flood = json!({"p50_ratio": p50, "p99_ratio": p99,
            "flood_taken_per_second": taken, "flood_refused_per_second": refused});
        return output.record(&flood);
    }
    output.say(&format!(
        "while one floods: p50 {p50:.2} times, p99 {p99:.2} times what it is without"
    ));
    output.say(&format!("the flood: {taken:.0} calls/s taken, {refused:.0} refused"));
}

fn row(measured: &Measured) -> Value {
    let [inviter, invitee] = measured.cpu_milliseconds();
    let sum = inviter.zip(invitee).map(|(inviter, invitee)| inviter + invitee);
    json!({
        "operation": measured.name,
        "count": measured.count(),
        "rate_per_second": measured.rate(),
        "p50_ms": measured.percentile(0.50),
        "p95_ms": measured.percentile(0.95),
        "p99_ms": measured.percentile(0.99),
        "cpu_ms_inviter": inviter,
        "cpu_ms_invitee": invitee,
        "cpu_ms_sum": sum,
    })
}

fn number(value: &Value, decimals: usize) -> String {
    value.as_f64().map(|number| format!("{number:.decimals$}")).unwrap_or_default()
}
