//! The rules that keep the crates apart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// No I/O, no clock, no randomness of their own.
const PURE: [&str; 3] = ["entente-did", "entente-didcomm", "entente-protocol"];
const SERVICES: [&str; 6] = [
    "entente-access",
    "entente-resolver",
    "entente-keystore",
    "entente-connection",
    "entente-transport",
    "entente-gateway",
];
/// What a pure crate must not depend on, even through another.
const IMPURE: [&str; 17] = [
    "tokio",
    "tonic",
    "sqlx",
    "sqlx-core",
    "reqwest",
    "hyper",
    "rand",
    "getrandom",
    "mio",
    "socket2",
    "rustls",
    "axum",
    "tracing-subscriber",
    "entente-rpc",
    "entente-store",
    "entente-net",
    "entente-telemetry",
];

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps"])).unwrap()
});

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).args(["--locked", "--offline"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Everything that a package needs to run on this machine, through others too; not what its tests need.
fn closure(name: &str) -> BTreeSet<String> {
    let tree =
        cargo(&["tree", "--package", name, "--edges=normal", "--prefix=none", "--format={p}"]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.filter(|needed| *needed != name).map(str::to_owned).collect()
}

#[test]
fn pure_crates_need_nothing_that_does_io_or_reads_a_clock() {
    for name in PURE {
        let needed = closure(name);
        let wrong: Vec<_> = IMPURE.iter().filter(|impure| needed.contains(**impure)).collect();
        assert!(wrong.is_empty(), "{name} needs {wrong:?}");
    }
}

#[test]
fn no_service_needs_another() {
    for name in SERVICES {
        let needed = closure(name);
        let wrong: Vec<_> = SERVICES.iter().filter(|other| needed.contains(**other)).collect();
        assert!(wrong.is_empty(), "{name} needs {wrong:?}");
        assert!(!needed.contains("entente"), "{name} needs the binary");
    }
}

#[test]
fn shared_crates_need_no_service() {
    for path in
        ["did", "didcomm", "protocol", "rpc", "store", "net", "jwt", "tls", "telemetry", "trace"]
    {
        let needed = closure(&format!("entente-{path}"));
        assert!(!SERVICES.iter().any(|service| needed.contains(*service)), "{path}");
    }
}

/// The lines of code of `shared/` and `services/`, without those of tests: file, line number, text.
fn code() -> Vec<(String, usize, String)> {
    let mut files = Vec::new();
    for folder in ["shared", "services"] {
        collect(&root().join(folder), &mut files);
    }
    let mut lines = Vec::new();
    for file in files {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        // Tests stand at the end of a file.
        let code = text.split("#[cfg(test)]\nmod").next().unwrap();
        for (index, line) in
            code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            lines.push((name.clone(), index + 1, line.to_owned()));
        }
    }
    assert!(lines.len() > 10_000, "{}", lines.len());
    lines
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "benches", "target"].contains(&name.as_str()) {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["tests.rs", "build.rs"].contains(&name.as_str())
        {
            files.push(path);
        }
    }
}

/// Fails with the places where code has a text outside the files that may.
fn only_in(texts: &[&str], may: impl Fn(&str) -> bool) {
    let wrong: Vec<String> = code()
        .into_iter()
        .filter(|(file, _, line)| !may(file) && texts.iter().any(|text| line.contains(text)))
        .map(|(file, number, line)| format!("{file}:{number}: {}", line.trim()))
        .collect();
    assert!(wrong.is_empty(), "{texts:?}\n{}", wrong.join("\n"));
}

/// Whether a file is a module or in its folder: `store.rs`, `store/…`.
fn is_module(file: &str, module: &str) -> bool {
    file.ends_with(&format!("/src/{module}.rs")) || file.contains(&format!("/src/{module}/"))
}

#[test]
fn sql_is_only_in_stores() {
    only_in(&["sqlx::"], |file| {
        file.starts_with("shared/store/")
            || (file.starts_with("services/") && is_module(file, "store"))
    });
}

#[test]
fn tonic_is_only_in_rpc_and_grpc_modules() {
    only_in(&["tonic::", "tonic_types::", "tonic_reflection::"], |file| {
        file.starts_with("shared/rpc/")
            || (file.starts_with("services/") && is_module(file, "grpc"))
    });
}

#[test]
fn nats_is_only_in_its_module() {
    only_in(&["async_nats::"], |file| {
        file.starts_with("services/connection/") && is_module(file, "nats")
    });
}

#[test]
fn spans_are_told_by_one_crate_and_sent_by_one() {
    only_in(&["opentelemetry::", "opentelemetry_sdk::", "opentelemetry_otlp::"], |file| {
        file.starts_with("shared/trace/") || file.starts_with("shared/telemetry/")
    });
}

#[test]
fn only_the_binary_reads_the_environment_and_binds_ports() {
    only_in(
        &[
            "env::var",
            "env::args",
            "TcpListener::bind",
            "UdpSocket::bind",
            "tracing_subscriber::",
            "process::exit",
        ],
        |file| file.starts_with("services/entente/") || file.starts_with("shared/telemetry/"),
    );
}

#[test]
fn pure_crates_read_no_clock_and_draw_no_numbers() {
    let pure = ["shared/did/", "shared/didcomm/", "shared/protocol/"];
    only_in(
        &[
            "SystemTime::now",
            "Instant::now",
            "OffsetDateTime::now",
            "Uuid::new",
            "Uuid::now",
            "rand::rng",
            "thread::",
            "std::fs",
            "std::net::Tcp",
        ],
        |file| !pure.iter().any(|folder| file.starts_with(folder)),
    );
}

#[test]
fn versions_stand_in_the_workspace_alone() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("[workspace.dependencies]"));
    for package in list(&METADATA, "packages") {
        let path = package["manifest_path"].as_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let dependencies = text.split("dependencies]").skip(1).flat_map(str::lines);
        for line in dependencies.filter(|line| line.contains('=') && !line.starts_with('[')) {
            let named = ["workspace = true", "name", "harness", "path"]
                .iter()
                .any(|fine| line.contains(fine));
            assert!(named, "{path}: {line}");
        }
    }
}
