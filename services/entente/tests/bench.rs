//! `entente bench` takes the agents that it started with it, however it ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};
use std::time::Duration;

/// The process that started another, and whether that one still runs.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have anything in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let runs = fields.next() != Some("Z");
    fields.next()?.parse().ok().filter(|_| runs)
}

fn children(of: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    for _ in 0..300 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: not within 30 s")
}

#[test]
fn agents_end_with_a_benchmark_that_is_killed() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    command.args(["bench", "--soak", "1"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut bench = command.spawn().unwrap();
    let agents = until("two agents", || {
        let agents = children(bench.id());
        (agents.len() == 2).then_some(agents)
    });
    bench.kill().unwrap();
    bench.wait().unwrap();
    until("the agents have ended", || {
        agents.iter().all(|pid| parent(*pid).is_none()).then_some(())
    });
}
