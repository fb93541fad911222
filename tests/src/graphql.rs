//! Clients of the GraphQL API as applications use them, in a process of Node: graphql-request for queries and
//! mutations, graphql-ws for subscriptions.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use crate::{Suite, node};

/// How long an answer may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Waiting = Arc<Mutex<HashMap<u64, mpsc::UnboundedSender<Value>>>>;

/// The process. It ends when this is dropped.
pub struct Client {
    commands: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    last: AtomicU64,
    _child: Child,
}

/// What a subscription gives.
pub struct Subscription {
    /// By which it is stopped.
    pub id: u64,
    answers: mpsc::UnboundedReceiver<Value>,
}

impl Client {
    /// Starts it. None, said loudly, where Node or the packages are not installed.
    ///
    /// # Panics
    /// When it does not start; and with `CI=true` when something is not installed.
    pub async fn start() -> Option<Self> {
        let packages = node::packages("graphql", "ENTENTE_TEST_GRAPHQL")?;
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/graphql/main.js"))
            .env("GRAPHQL_PACKAGES", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let commands = child.stdin.take().expect("a pipe");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        assert!(matches!(ready, Ok(Ok(Some(_)))), "Node did not start: {ready:?}");
        let waiting = Waiting::default();
        let answers = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let answer: Value = serde_json::from_str(&line).unwrap();
                let id = answer["id"].as_u64().expect("the id of a command");
                if let Some(waiting) = answers.lock().unwrap().get(&id) {
                    let _ = waiting.send(answer);
                }
            }
        });
        let commands = tokio::sync::Mutex::new(commands);
        Some(Self { commands, waiting, last: AtomicU64::new(0), _child: child })
    }

    /// Carries out a query or a mutation with an agent's key: the data.
    ///
    /// # Errors
    /// The answer with its errors.
    pub async fn try_request(
        &self,
        agent: &Suite,
        document: &str,
        variables: Value,
    ) -> Result<Value, Value> {
        let mut answers = self.command("request", agent, document, variables).await;
        let mut answer = receive(&mut answers.answers).await;
        if answer.get("errors").is_some() || answer.get("broken").is_some() {
            return Err(answer);
        }
        Ok(answer["data"].take())
    }

    /// The data of a query or a mutation that must succeed.
    pub async fn request(&self, agent: &Suite, document: &str) -> Value {
        self.try_request(agent, document, json!({})).await.unwrap()
    }

    /// Begins a subscription with an agent's key, and waits until the agent took the key.
    pub async fn subscribe(&self, agent: &Suite, document: &str, variables: Value) -> Subscription {
        let mut subscription = self.command("subscribe", agent, document, variables).await;
        let first = receive(&mut subscription.answers).await;
        assert_eq!(first["connected"], true, "{first}");
        subscription
    }

    /// Ends a subscription.
    pub async fn stop(&self, subscription: &Subscription) {
        self.write(&json!({"id": subscription.id, "do": "stop"})).await;
    }

    async fn command(
        &self,
        command: &str,
        agent: &Suite,
        document: &str,
        variables: Value,
    ) -> Subscription {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answers) = mpsc::unbounded_channel();
        self.waiting.lock().unwrap().insert(id, sender);
        let url = format!("{}/graphql", agent.admin_url);
        self.write(&json!({"id": id, "do": command, "url": url, "key": agent.api_key,
            "document": document, "variables": variables}))
            .await;
        Subscription { id, answers }
    }

    async fn write(&self, command: &Value) {
        let line = format!("{command}\n");
        self.commands.lock().await.write_all(line.as_bytes()).await.unwrap();
    }
}

impl Subscription {
    /// The data of the next event; the end as an error.
    ///
    /// # Errors
    /// What the client says when the server ends the subscription, or is gone.
    pub async fn next(&mut self) -> Result<Value, Value> {
        let mut answer = receive(&mut self.answers).await;
        match answer.get_mut("next") {
            Some(next) if next.get("errors").is_none() => Ok(next["data"].take()),
            _ => Err(answer),
        }
    }
}

async fn receive(answers: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    let answer = tokio::time::timeout(PATIENCE, answers.recv()).await;
    answer.expect("an answer in time").expect("a running process")
}
