//! `simulate`: runs seeds, and shows those that break an invariant.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a simulation that cannot go on ends")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use entente_simulation::{Outcome, run};

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return end(usize::from(report(&run(seed, number("QUIET").is_none()))));
    }
    let (first, count) = (number("FIRST").unwrap_or(1), number("SEEDS").unwrap_or(500));
    let next = AtomicU64::new(first);
    let failures = AtomicUsize::new(0);
    let most = usize::try_from(number("FAILURES").unwrap_or(1)).unwrap();
    let total = [const { AtomicUsize::new(0) }; 3];
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failures.load(Ordering::Relaxed) < most {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let outcome = run(seed, false);
                    for (total, one) in
                        total.iter().zip([outcome.steps, outcome.crashes, outcome.connections])
                    {
                        total.fetch_add(one, Ordering::Relaxed);
                    }
                    if report(&outcome) {
                        failures.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let [steps, crashes, connections] = total.map(AtomicUsize::into_inner);
    let seeds = next.into_inner().min(first + count) - first;
    println!(
        "{seeds} seeds, {steps} steps, {crashes} crashes, {connections} connections in {:.1} s",
        began.elapsed().as_secs_f32()
    );
    end(failures.into_inner())
}

/// Shows a broken invariant. True if one was.
fn report(outcome: &Outcome) -> bool {
    let Some((violation, last)) = &outcome.violation else { return false };
    println!(
        "\n{last}\nSEED {} breaks an invariant: {}\n{}\n\nreplay it with: make simulate SEED={}\n",
        outcome.seed, violation.invariant, violation.detail, outcome.seed
    );
    true
}

fn end(failures: usize) -> ExitCode {
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
