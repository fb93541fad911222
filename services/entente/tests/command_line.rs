//! The command line of the real binary: precedence of the environment, errors, exit codes, completions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Output, Stdio};

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ENTENTE_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment.iter().copied());
    command
}

fn entente(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(arguments, environment).output().unwrap()
}

fn printed_config(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = entente(&[&["serve", "--print-config"], arguments].concat(), environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entente.toml");
    std::fs::write(&file, "label = \"file\"\nlog-level = \"warn\"\nlog-format = \"json\"").unwrap();
    let file = file.to_str().unwrap();
    let environment = [
        ("ENTENTE_CONFIG", file),
        ("ENTENTE_LABEL", "environment"),
        ("ENTENTE_LOG_LEVEL", "debug"),
        ("ENTENTE_AUTO_ACCEPT_REQUESTS", "0"),
        ("ENTENTE_WEBHOOK_URL", "http://a,http://b"),
    ];
    let config = printed_config(&["--label", "flag"], &environment);
    for line in [
        "label = \"flag\"",
        "log-level = \"debug\"",
        "log-format = \"json\"",
        "auto-accept-requests = false",
        "auto-accept-invitations = true",
        "webhook-url = [\"http://a\", \"http://b\"]",
    ] {
        assert!(config.lines().any(|printed| printed == line), "no {line} in\n{config}");
    }
}

#[test]
fn a_wrong_use_exits_with_2_and_a_failed_call_with_1() {
    for (arguments, code, says) in [
        (&["serve", "--didcomm-addr", "8030"][..], 2, "--didcomm-addr"),
        (&["serve", "--config", "/does/not/exist.toml"], 2, "/does/not/exist.toml"),
        (&["serve", "--services", "wallet"], 2, "resolver"),
        (&["invite", "--expires-in", "1w"], 2, "write ms, s, m, h or d"),
        (&["connections", "--server", "http://127.0.0.1:1"], 1, "is `entente serve` running"),
        (
            &["connections", "--json", "--server", "http://127.0.0.1:1"],
            1,
            "\"reason\":\"SERVICE_UNAVAILABLE\"",
        ),
    ] {
        let output = entente(arguments, &[]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    let output = entente(&["completions", "bash"], &[]);
    let script = String::from_utf8(output.stdout).unwrap();
    for command in ["serve", "invite", "accept", "connections", "dead-letters"] {
        assert!(script.contains(command), "{command}");
    }
}

/// `entente bench | head`: the agents that it started end with it.
#[test]
#[cfg(target_os = "linux")]
fn a_benchmark_that_nobody_reads_leaves_no_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut bench = command(&["bench", "--invitations", "3"], &[("TMPDIR", path)]);
    let mut bench = bench.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(bench.stdout.take());
    assert!(bench.wait().unwrap().success());
    let running = std::fs::read_dir("/proc").unwrap().filter_map(|process| {
        let line = std::fs::read_to_string(process.ok()?.path().join("cmdline")).ok()?;
        line.contains(path).then_some(line)
    });
    assert_eq!(running.collect::<Vec<_>>(), [] as [String; 0]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "their data is removed");
}
