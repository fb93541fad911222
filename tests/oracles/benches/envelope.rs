//! Packing and opening 1 KiB, authcrypted with X25519 for one key: ours against theirs, and the ratios.
#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::path::PathBuf;

use criterion::Criterion;
use entente_oracles::{Affinidi, Implementation, Ours, Sicpa, message, sicpa};

const GROUP: &str = "v2 authcrypt, 1 KiB, X25519";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group(GROUP);
    let text = message(1024);
    let (fresh, remembering) = (Ours::new(false), Ours::new(true));
    for ours in [&fresh, &remembering] {
        let packed = ours.authcrypt_to_one(&text);
        group.bench_function(format!("pack, {}", ours.name()), |b| {
            b.iter(|| ours.authcrypt_to_one(black_box(&text)));
        });
        group.bench_function(format!("open, {}", ours.name()), |b| {
            b.iter(|| ours.open(black_box(&packed)).expect("opened"));
        });
    }
    let didcomm = Sicpa::default();
    let parsed = sicpa::parse(&text);
    let packed = didcomm.authcrypt_to_one(&parsed);
    group.bench_function(format!("pack, {}", didcomm.name()), |b| {
        b.iter(|| didcomm.authcrypt_to_one(black_box(&parsed)));
    });
    group.bench_function(format!("open, {}", didcomm.name()), |b| {
        b.iter(|| didcomm.open(black_box(&packed)).expect("opened"));
    });
    let affinidi = Affinidi::default();
    let packed = affinidi.authcrypt_to_one(&text);
    group.bench_function(format!("pack, {}", affinidi.name()), |b| {
        b.iter(|| affinidi.authcrypt_to_one(black_box(&text)));
    });
    group.bench_function(format!("open, {}", affinidi.name()), |b| {
        b.iter(|| affinidi.open_one(black_box(&packed)));
    });
    group.finish();
    criterion.final_summary();
    ratios([fresh.name(), remembering.name(), didcomm.name(), affinidi.name()]);
}

/// Prints how many times as long each takes as ours.
fn ratios(names: [&str; 4]) {
    for operation in ["pack", "open"] {
        let times = names.map(|name| median(&format!("{operation}, {name}")));
        for (name, time) in names.iter().zip(times) {
            if let (Some(time), Some(ours)) = (time, times.first().copied().flatten()) {
                println!(
                    "{operation}: {name:28} {:7.1} us, {:.2} of entente's",
                    time / 1e3,
                    time / ours
                );
            }
        }
    }
}

/// What criterion wrote, in nanoseconds.
fn median(name: &str) -> Option<f64> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let file = target.join("criterion").join(GROUP).join(name).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    estimates.pointer("/median/point_estimate")?.as_f64()
}
