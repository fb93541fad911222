//! The process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::agent::{Agent, Reach};
use crate::{node, suite};

/// How long its start may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program in Node with any number of agents, and a mediator for those that want one. It ends when this is dropped.
pub struct Identus {
    url: String,
    client: reqwest::Client,
    child: Child,
    folder: TempDir,
}

impl Identus {
    /// Starts it. None, said loudly, where Node or the packages are not installed.
    ///
    /// # Panics
    /// When it does not start; and with `CI=true` when something is not installed.
    pub async fn start() -> Option<Self> {
        let packages = node::packages("identus", "ENTENTE_TEST_IDENTUS")?;
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/identus/main.js"))
            .env("IDENTUS_PACKAGES", packages)
            // It goes on until this is closed, be it by the end of this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (told, ready) = mpsc::channel();
        let output = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                    let _ = told.send(value);
                }
            }
        });
        let ready = tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE));
        let ready = ready.await.unwrap();
        let mut identus = Self { url: String::new(), client: suite::http(), child, folder };
        let ready = ready.unwrap_or_else(|_| panic!("Node did not start: {}", identus.log()));
        identus.url = ready["url"].as_str().expect("a URL").to_owned();
        Some(identus)
    }

    /// A new agent.
    pub async fn agent(&self, reach: Reach) -> Agent {
        Agent::start(&self.url, self.client.clone(), reach).await
    }

    /// What the mediator forwarded to a DID: for each message whether the forward was anonymous.
    pub async fn forwarded_to(&self, did: &str) -> Vec<bool> {
        let url = format!("{}/control/forwarded", self.url);
        let answer = self.client.post(url).body(json!({}).to_string()).send().await.unwrap();
        let forwarded: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let forwarded = forwarded.as_array().unwrap().iter();
        forwarded
            .filter(|one| one["next"].as_str().is_some_and(|next| next.starts_with(did)))
            .map(|one| one["anonymous"].as_bool().unwrap())
            .collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Identus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- Node wrote:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts an envelope as DIDComm v2 wants it: the status and the body.
pub async fn post(url: &str, envelope: impl Into<reqwest::Body>) -> (u16, String) {
    let request = suite::http().post(url).body(envelope);
    let request = request.header("content-type", "application/didcomm-encrypted+json");
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
