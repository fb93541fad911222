//! An agent that takes part: a process of this program, or one that runs already.

use std::process::Stdio;
use std::time::Duration;

use entente_telemetry::process;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::BenchError;
use crate::api::Api;
use crate::output::at;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);

pub(super) struct Agent {
    pub(super) api: Api,
    spawned: Option<Spawned>,
}

/// What an agent takes up, in bytes, as far as it can be read.
#[derive(serde::Serialize)]
pub(super) struct Size {
    resident_memory: Option<u64>,
    /// Of its files.
    disk: Option<u64>,
}

struct Spawned {
    child: Child,
    /// Removed when the agent is dropped.
    directory: TempDir,
}

impl Agent {
    /// One that runs already. What it costs cannot be read.
    pub(super) fn running(url: &str, key: Option<&str>) -> Result<Self, BenchError> {
        Ok(Self { api: Api::new(url, key)?, spawned: None })
    }

    /// A process of this program with an empty data directory, on free ports.
    pub(super) async fn spawn(label: &'static str) -> Result<Self, BenchError> {
        let refused = |source| BenchError::Spawn { label, source };
        let directory = tempfile::tempdir().map_err(refused)?;
        let mut command = Command::new(std::env::current_exe().map_err(refused)?);
        command.arg("serve").arg("--data-dir").arg(directory.path()).args([
            "--label",
            label,
            "--admin-insecure",
        ]);
        for listener in ["--didcomm-addr", "--admin-addr", "--grpc-addr"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTENTE_"))
        {
            command.env_remove(name);
        }
        command.args(["--log-level", "warn"]).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(refused)?;
        let url = ready(&mut child, label).await?;
        Ok(Self { api: Api::new(&url, None)?, spawned: Some(Spawned { child, directory }) })
    }

    fn process(&self) -> Option<String> {
        Some(self.spawned.as_ref()?.child.id()?.to_string())
    }

    /// CPU time used so far, in seconds.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        process::cpu_seconds(&self.process()?)
    }

    /// What it takes up.
    pub(super) fn size(&self) -> Size {
        let memory = || process::resident_memory(&self.process()?);
        let disk = || {
            let files = std::fs::read_dir(self.spawned.as_ref()?.directory.path()).ok()?;
            Some(files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum())
        };
        Size { resident_memory: memory(), disk: disk() }
    }

    pub(super) async fn stop(self) {
        if let Some(mut spawned) = self.spawned {
            let _ = spawned.child.kill().await;
        }
    }
}

/// The gRPC address that the process says it listens on.
async fn ready(child: &mut Child, label: &'static str) -> Result<String, BenchError> {
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let _ = tokio::time::timeout(START, output.read_line(&mut line)).await;
    }
    let value: Value = serde_json::from_str(&line).unwrap_or_default();
    at(&value, "/grpc")
        .as_str()
        .map(ToOwned::to_owned)
        .ok_or(BenchError::NotReady { label, last: line })
}
