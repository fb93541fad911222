//! The process.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use tempfile::TempDir;

use super::{Agent, Controller};

/// Which ACA-Py.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The current one, or the newest that this machine's Python runs.
    Current,
    /// 0.12, the last that speaks connections/1.0.
    Old,
}

/// How long its start may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// ACA-Py without a ledger, on loopback. It ends when this is dropped.
pub struct AcaPy {
    /// How its owner sees it.
    pub agent: Agent,
    endpoint: String,
    child: Child,
    folder: TempDir,
}

impl AcaPy {
    /// Starts one that accepts everything by itself, and that peers reach by `endpoint`, which has to lead to its own
    /// [`endpoint`](Self::endpoint). None, said loudly, where ACA-Py is not installed.
    ///
    /// # Panics
    /// When it does not start; and with `CI=true` when the current one is not installed.
    pub async fn start(release: Release, label: &str, endpoint: &str) -> Option<Self> {
        Self::with(release, label, endpoint, &[]).await
    }

    /// The same, with sub-wallets: its agent is the base wallet's, and each other has a token.
    pub async fn multitenant(label: &str, endpoint: &str) -> Option<Self> {
        let arguments = ["--multitenant", "--multitenant-admin", "--jwt-secret", "secret"];
        Self::with(Release::Current, label, endpoint, &arguments).await
    }

    async fn with(
        release: Release,
        label: &str,
        endpoint: &str,
        arguments: &[&str],
    ) -> Option<Self> {
        let program = program(release)?;
        let controller = Controller::start().await;
        // Another process may take a port before ACA-Py does.
        for _ in 0..3 {
            let controller = controller.clone();
            let mut acapy = Self::spawn(&program, release, label, endpoint, arguments, controller);
            if acapy.is_up().await {
                return Some(acapy);
            }
        }
        panic!("ACA-Py did not start");
    }

    fn spawn(
        program: &Path,
        release: Release,
        label: &str,
        endpoint: &str,
        arguments: &[&str],
        controller: Controller,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [port, admin] = free_ports();
        let own = format!("http://127.0.0.1:{port}");
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .env_clear()
            .envs(
                ["PATH", "LANG"]
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("HOME", folder.path())
            .arg("start")
            .args(["--inbound-transport", "http", "127.0.0.1", &port.to_string()])
            .args(["--outbound-transport", "http", "--endpoint", endpoint])
            .args(["--admin", "127.0.0.1", &admin.to_string(), "--admin-insecure-mode"])
            .args(["--webhook-url", controller.url(), "--label", label, "--log-level", "info"])
            .args(["--no-ledger", "--auto-provision", "--wallet-type", "askar"])
            .args(["--wallet-name", "wallet", "--wallet-key", "key", "--monitor-ping"])
            .args(["--auto-accept-invites", "--auto-accept-requests"])
            // In connections/1.0 nothing else of the invitee confirms a response.
            .args((release == Release::Old).then_some("--auto-ping-connection"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let agent = Agent::new(label, &format!("http://127.0.0.1:{admin}"), "", controller);
        Self { agent, endpoint: own, child, folder }
    }

    /// Whether it answers in the end; not when it stopped.
    async fn is_up(&mut self) -> bool {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE {
            if self.is_ready().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        eprintln!("{}", self.log());
        false
    }

    /// Whether it is ready, and no other agent that took its port.
    async fn is_ready(&self) -> bool {
        self.agent.call(Method::GET, "/status/ready", None).await.is_ok()
            && self
                .agent
                .call(Method::GET, "/status", None)
                .await
                .is_ok_and(|status| status["label"] == self.agent.name.as_str())
    }

    /// The URL of the port where it takes messages.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it from running, as if it hung; it goes on with [`AcaPy::go_on`].
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process run again.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for AcaPy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} wrote:\n{}", self.agent.name, self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where ACA-Py is installed: `ENTENTE_TEST_ACAPY` and `ENTENTE_TEST_ACAPY_012`, or where `make test` installs them.
fn program(release: Release) -> Option<PathBuf> {
    let (variable, name) = match release {
        Release::Current => ("ENTENTE_TEST_ACAPY", "acapy"),
        Release::Old => ("ENTENTE_TEST_ACAPY_012", "acapy-0.12"),
    };
    let installed = format!("{}/../target/{name}/bin/aca-py", env!("CARGO_MANIFEST_DIR"));
    let program = std::env::var_os(variable).unwrap_or_else(|| OsString::from(installed));
    let program = PathBuf::from(program);
    if program.exists() {
        return Some(program);
    }
    let missing = format!("no ACA-Py at {}: `make {name}` installs it", program.display());
    // A current system has no Python for the old one.
    let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!in_ci || release == Release::Old, "{missing}");
    // Not `eprintln!`, which a test that passes does not show.
    let _ = writeln!(std::io::stderr(), "*** SKIPPED: {missing} ***");
    None
}

/// Ports that nobody listens on now.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
