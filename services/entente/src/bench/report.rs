//! The results as a table, or as JSON.

use serde_json::{Value, json};

use super::Args;
use super::agent::Size;
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
    let rows: Vec<Value> = results.iter().map(row).collect();
    output.list(&rows, COLUMNS);
    let [inviter, invitee] = sizes.map(|size| json!(size));
    if args.json {
        output.record(
            &json!({"inviter": inviter, "invitee": invitee, "concurrency": args.concurrency}),
        );
        return;
    }
    for (name, size) in [("inviter", inviter), ("invitee", invitee)] {
        if let (Some(memory), Some(disk)) =
            (at(&size, "/resident_memory").as_u64(), at(&size, "/disk").as_u64())
        {
            output.say(&format!(
                "{name}: {} MiB resident, {} MiB on disk",
                memory >> 20,
                disk >> 20
            ));
        }
    }
    output.say(&format!(
        "{} at a time (lists one after the other), on {} cores shared with this client",
        args.concurrency,
        std::thread::available_parallelism().map_or(1, usize::from)
    ));
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
