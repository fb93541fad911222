//! An agent made of processes of this program: one, one for each service, or replicas behind a balancer.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use entente_telemetry::process;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::BenchError;
use super::balancer::Balancer;
use crate::output::at;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
const ANY_PORT: &str = "127.0.0.1:0";
/// The services in the order of their starts, with those that each calls.
const SERVICES: [(&str, &[&str]); 5] = [
    ("resolver", &[]),
    ("keystore", &[]),
    ("transport", &["resolver"]),
    ("connection", &["resolver", "keystore", "transport"]),
    ("gateway", &["resolver", "keystore", "transport", "connection"]),
];

/// The processes that an agent is made of.
#[derive(Debug, clap::Args)]
pub(super) struct Shape {
    /// A PostgreSQL database for each agent: `{agent}` in it becomes inviter and invitee [default: SQLite]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Run each service of an agent in a process of its own
    #[arg(long, conflicts_with = "replicas")]
    apart: bool,
    /// Run each agent as this many processes behind a balancer; needs a database URL
    #[arg(long, value_name = "N", default_value_t = 1, requires = "database_url", value_parser = clap::value_parser!(u8).range(1..=16))]
    replicas: u8,
    /// Further arguments of each process.
    #[arg(skip)]
    pub(super) arguments: &'static [&'static str],
}

/// The processes of an agent.
pub(super) struct Spawned {
    children: Vec<Child>,
    grpc: Vec<String>,
    didcomm: String,
    _balancer: Option<Balancer>,
    /// Removed when the agent is dropped.
    directory: TempDir,
    on_sqlite: bool,
}

/// What the processes of an agent have in common.
struct Maker<'a> {
    label: &'static str,
    shape: &'a Shape,
    directory: &'a TempDir,
    endpoint: String,
}

impl Spawned {
    pub(super) async fn start(label: &'static str, shape: &Shape) -> Result<Self, BenchError> {
        let refused = |source| BenchError::Spawn { label, source };
        let directory = tempfile::tempdir().map_err(refused)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let maker =
            Maker { label, shape, directory: &directory, endpoint: format!("http://{address}") };
        let (mut children, mut grpc, mut balancer) = (Vec::new(), Vec::new(), None);
        if shape.replicas > 1 {
            let mut didcomm: Vec<SocketAddr> = Vec::new();
            for _ in 0..shape.replicas {
                let (child, ready) = maker.process(ANY_PORT, &[]).await?;
                children.push(child);
                grpc.push(text(&ready, "/grpc"));
                didcomm.extend(
                    text(&ready, "/didcomm")
                        .trim_start_matches("http://")
                        .parse::<SocketAddr>()
                        .ok(),
                );
            }
            balancer = Some(Balancer::start(listener, didcomm));
        } else {
            // A process takes the port that was found free.
            drop(listener);
            let address = address.to_string();
            if shape.apart {
                (children, grpc) = maker.apart(&address).await?;
            } else {
                let (child, ready) = maker.process(&address, &[]).await?;
                children.push(child);
                grpc.push(text(&ready, "/grpc"));
            }
        }
        let on_sqlite = shape.database_url.is_none();
        let didcomm = format!("http://{address}");
        Ok(Self { children, grpc, didcomm, _balancer: balancer, directory, on_sqlite })
    }

    /// Where peers reach it.
    pub(super) fn didcomm(&self) -> &str {
        &self.didcomm
    }

    /// Where it is called, as a link takes it.
    pub(super) fn grpc(&self) -> String {
        self.grpc.join(",")
    }

    /// CPU time used so far, in seconds; without the database server's.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        self.children.iter().map(|child| process::cpu_seconds(&child.id()?.to_string())).sum()
    }

    /// What its processes have together of something.
    pub(super) fn sum(&self, of: fn(&str) -> Option<u64>) -> Option<u64> {
        self.children.iter().map(|child| of(&child.id()?.to_string())).sum()
    }

    /// The size of its files, in bytes, where they are its database.
    pub(super) fn disk(&self) -> Option<u64> {
        let files = std::fs::read_dir(self.directory.path()).ok().filter(|_| self.on_sqlite)?;
        Some(files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum())
    }

    pub(super) async fn stop(mut self) {
        for child in &mut self.children {
            let _ = child.kill().await;
        }
    }
}

impl Maker<'_> {
    /// A process for each service.
    async fn apart(&self, didcomm: &str) -> Result<(Vec<Child>, Vec<String>), BenchError> {
        let (mut children, mut urls): (_, Vec<(&str, String)>) = (Vec::new(), Vec::new());
        for (service, calls) in SERVICES {
            let mut arguments = vec!["--services".to_owned(), service.to_owned()];
            for (called, url) in urls.iter().filter(|(called, _)| calls.contains(called)) {
                arguments.extend([format!("--{called}-url"), url.clone()]);
            }
            let (child, ready) = self.process(didcomm, &arguments).await?;
            children.push(child);
            urls.push((service, text(&ready, "/grpc")));
        }
        urls.retain(|(service, _)| *service == "connection");
        Ok((children, urls.into_iter().map(|(_, url)| url).collect()))
    }

    /// A process, once it is ready, with what it says of itself.
    async fn process(
        &self,
        didcomm: &str,
        arguments: &[String],
    ) -> Result<(Child, Value), BenchError> {
        let label = self.label;
        let refused = |source| BenchError::Spawn { label, source };
        let mut command = Command::new(std::env::current_exe().map_err(refused)?);
        command.arg("serve").arg("--data-dir").arg(self.directory.path()).args(arguments);
        command.args(["--label", label, "--admin-insecure", "--log-level", "warn"]);
        command.args(["--endpoint", &self.endpoint, "--didcomm-addr", didcomm]);
        command.args(["--admin-addr", ANY_PORT, "--grpc-addr", ANY_PORT]);
        command.args(self.shape.arguments);
        if let Some(url) = &self.shape.database_url {
            command.args(["--database-url", &url.replace("{agent}", label)]);
        }
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTENTE_"))
        {
            command.env_remove(name);
        }
        // It ends with this process, also where that is killed, or leaves because nobody reads what it prints.
        command.arg("--until-stdin-closes").stdin(Stdio::piped());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(refused)?;
        let ready = ready(&mut child, label).await?;
        Ok((child, ready))
    }
}

/// What the process says when it is ready.
async fn ready(child: &mut Child, label: &'static str) -> Result<Value, BenchError> {
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let _ = tokio::time::timeout(START, output.read_line(&mut line)).await;
    }
    let value: Value = serde_json::from_str(&line).unwrap_or_default();
    match at(&value, "/grpc").as_str() {
        Some(_) => Ok(value),
        None => Err(BenchError::NotReady { label, last: line }),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    at(value, pointer).as_str().unwrap_or_default().to_owned()
}
