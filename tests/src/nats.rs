//! A real nats-server with JetStream: how it dies and comes back, and what is in the stream of events.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use entente_rpc::proto::event::v1::Event;
use prost::Message as _;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::suite::{eventually, free_address, tool};

/// The name of the stream.
pub const STREAM: &str = "ENTENTE_EVENTS";

/// A nats-server on a free port, killed when this is dropped.
pub struct Nats {
    program: PathBuf,
    address: String,
    child: Option<Child>,
    directory: TempDir,
}

/// A message of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Its subject.
    pub subject: String,
    /// Its `Nats-Msg-Id`.
    pub id: String,
    /// The other headers: content type, tenant, sequence.
    pub headers: [String; 3],
    /// What it carries.
    pub event: Event,
}

impl Nats {
    /// Starts one with an empty store. It wants a user and password, and takes messages up to 16 KiB. `None`, and
    /// loudly, where there is no nats-server.
    pub async fn start() -> Option<Self> {
        let mut nats = Self::prepare()?;
        nats.restart().await;
        Some(nats)
    }

    /// The same, but it is not started yet.
    pub fn prepare() -> Option<Self> {
        let program = tool("ENTENTE_TEST_NATS", "nats/nats-server", "nats")?;
        let (address, directory) = (free_address(), tempfile::tempdir().unwrap());
        let store = directory.path().join("store");
        let settings = format!(
            "listen: \"{address}\"\nmax_payload: 16384\njetstream {{ store_dir: {store:?} }}\n\
             authorization {{ user: entente, password: \"p@ss\" }}\n"
        );
        std::fs::write(directory.path().join("nats.conf"), settings).unwrap();
        Some(Self { program, address, child: None, directory })
    }

    /// What `--nats-url` takes.
    pub fn url(&self) -> String {
        format!("nats://entente:p%40ss@{}", self.address)
    }

    /// Ends it at once.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it, on the same store and port. One that still runs is killed first.
    pub async fn restart(&mut self) {
        self.kill9();
        let child = Command::new(&self.program)
            .arg("--config")
            .arg(self.directory.path().join("nats.conf"))
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        eventually("the nats-server takes connections", async || {
            TcpStream::connect(&self.address).await.ok()
        })
        .await;
    }

    /// JetStream, as a program that reads the stream has it.
    pub async fn jetstream(&self) -> Context {
        let client = async_nats::ConnectOptions::new()
            .user_and_password("entente".to_owned(), "p@ss".to_owned())
            .connect(&self.address)
            .await
            .unwrap();
        jetstream::new(client)
    }

    /// All that is in the stream, in its order, once it is `count` messages or more.
    pub async fn published(&self, count: usize) -> Vec<Published> {
        let jetstream = self.jetstream().await;
        let stream = eventually(&format!("{count} messages are in the stream"), async || {
            let mut stream = jetstream.get_stream(STREAM).await.ok()?;
            let messages = stream.info().await.ok()?.state.messages;
            (messages >= count as u64).then_some(stream)
        })
        .await;
        let mut published = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
            published.push(Published {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id"),
                headers: ["Content-Type", "Entente-Tenant", "Entente-Sequence"].map(header),
                event: Event::decode(message.payload).unwrap(),
            });
        }
        published
    }

    /// Fails unless the stream is the log: each event once, in order.
    pub async fn assert_published(&self, log: &[Event]) {
        // One that came twice would be among them, or come now.
        self.published(log.len()).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let published = self.published(log.len()).await;
        let events: Vec<_> = published.iter().map(|message| message.event.sequence).collect();
        let expected: Vec<_> = log.iter().map(|event| event.sequence).collect();
        assert_eq!(events, expected);
        for (message, event) in published.iter().zip(log) {
            assert_eq!(&message.event, event);
            assert_eq!(message.id, format!("default:{}", event.sequence));
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
