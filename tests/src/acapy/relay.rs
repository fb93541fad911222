//! A relay on the way to an agent, which holds, refuses or repeats messages as a test wants it.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::proxy::Proxy;
use crate::suite::{self, eventually};

/// Passes POSTed messages on to an agent.
#[derive(Clone)]
pub struct Relay {
    url: String,
    proxy: Proxy,
    client: reqwest::Client,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    to: String,
    mode: Mode,
    held: Vec<(Bytes, oneshot::Sender<Fate>)>,
    passed: usize,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Mode {
    #[default]
    Pass,
    /// Passes this many, then holds.
    Hold(usize),
    Refuse,
    /// Passes this many, then passes on what comes, but tells its sender that it failed.
    LoseAnswers(usize),
    /// Passes each twice.
    Repeat,
}

enum Fate {
    Passed,
    Lost,
}

impl Relay {
    /// Listens on a free port. It refuses until it is told where to [`lead`](Self::lead).
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&listener.local_addr().unwrap().to_string()).await;
        let url = format!("http://{}", proxy.address());
        let relay = Self { url, proxy, client: suite::http(), line: Arc::default() };
        let router = axum::Router::new().fallback(Self::take).with_state(relay.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        relay
    }

    async fn take(
        State(relay): State<Self>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, Bytes) {
        // What was taken goes on even when its sender is gone.
        let task = tokio::spawn(async move { relay.pass(headers, body).await });
        task.await.unwrap()
    }

    async fn pass(&self, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
        let (mut answer_lost, mut repeated) = (false, false);
        let fate = {
            let mut line = self.line.lock().unwrap();
            match line.mode {
                Mode::LoseAnswers(first @ 1..) => {
                    line.mode = Mode::LoseAnswers(first - 1);
                    None
                }
                Mode::LoseAnswers(0) => {
                    answer_lost = true;
                    None
                }
                Mode::Repeat => {
                    repeated = true;
                    None
                }
                Mode::Pass => None,
                Mode::Refuse => return (StatusCode::SERVICE_UNAVAILABLE, Bytes::new()),
                Mode::Hold(first @ 1..) => {
                    line.mode = Mode::Hold(first - 1);
                    None
                }
                Mode::Hold(0) => {
                    let (sender, fate) = oneshot::channel();
                    line.held.push((body.clone(), sender));
                    Some(fate)
                }
            }
        };
        if let Some(fate) = fate
            && !matches!(fate.await, Ok(Fate::Passed))
        {
            return (StatusCode::BAD_GATEWAY, Bytes::new());
        }
        let to = self.line.lock().unwrap().to.clone();
        let content_type = headers.get("content-type").cloned();
        let mut request = self.client.post(to).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if repeated {
            let again = request.try_clone().expect("a body in memory");
            let _ = again.send().await;
        }
        match request.send().await {
            Ok(_) if answer_lost => {
                self.line.lock().unwrap().passed += 1;
                (StatusCode::BAD_GATEWAY, Bytes::new())
            }
            Ok(answer) => {
                self.line.lock().unwrap().passed += 1;
                let status = answer.status();
                (status, answer.bytes().await.unwrap_or_default())
            }
            Err(_) => (StatusCode::BAD_GATEWAY, Bytes::new()),
        }
    }

    /// The endpoint that peers are given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Says where messages go.
    pub fn lead(&self, to: &str) {
        to.clone_into(&mut self.line.lock().unwrap().to);
    }

    /// Holds messages from now on, after so many that pass; their senders wait.
    pub fn hold_after(&self, first: usize) {
        self.line.lock().unwrap().mode = Mode::Hold(first);
    }

    /// Answers messages with 503 from now on.
    pub fn refuse(&self) {
        self.line.lock().unwrap().mode = Mode::Refuse;
    }

    /// Passes messages, but after so many tells their senders that they failed.
    pub fn lose_answers_after(&self, first: usize) {
        self.line.lock().unwrap().mode = Mode::LoseAnswers(first);
    }

    /// Passes each message twice from now on.
    pub fn repeat(&self) {
        self.line.lock().unwrap().mode = Mode::Repeat;
    }

    /// What is before it, where connections break.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Waits until a message is held: the first, as it was sent.
    pub async fn until_held(&self) -> Bytes {
        eventually("a message on the relay", async || {
            self.line.lock().unwrap().held.first().map(|(body, _)| body.clone())
        })
        .await
    }

    /// How many messages were passed on so far.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.line.lock().unwrap().passed
    }

    /// Waits until more than `before` messages were passed on.
    pub async fn until_passed(&self, before: usize) {
        eventually("a message to pass", async || (self.passed() > before).then_some(())).await;
    }

    /// Passes messages from now on, and what is held too.
    pub fn release(&self) {
        self.open(|| Fate::Passed);
    }

    /// Passes messages from now on, and loses what is held: its sender, if it still waits, gets a 502.
    pub fn lose(&self) {
        self.open(|| Fate::Lost);
    }

    fn open(&self, fate: impl Fn() -> Fate) {
        let held = {
            let mut line = self.line.lock().unwrap();
            line.mode = Mode::Pass;
            std::mem::take(&mut line.held)
        };
        for (_, sender) in held {
            let _ = sender.send(fate());
        }
    }
}
