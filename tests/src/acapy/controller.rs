//! The owner's program, which an agent tells what happens by webhooks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::suite::eventually;

/// Takes webhooks, and keeps them; or refuses them, as a test wants it.
#[derive(Clone, Default, Debug)]
pub struct Controller {
    url: String,
    told: Arc<Mutex<Vec<Told>>>,
    refused: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Told {
    topic: String,
    headers: HeaderMap,
    payload: Value,
}

impl Controller {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let controller = Self { url, ..Self::default() };
        let router = axum::Router::new()
            .route("/topic/{topic}/", post(Self::take))
            .with_state(controller.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        controller
    }

    async fn take(
        State(controller): State<Self>,
        Path(topic): Path<String>,
        headers: HeaderMap,
        Json(payload): Json<Value>,
    ) -> StatusCode {
        if rand::random_range(0..100) < controller.refused.load(Ordering::Relaxed) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        controller.told.lock().unwrap().push(Told { topic, headers, payload });
        StatusCode::OK
    }

    /// What to give as `--webhook-url`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many of a hundred calls are refused from now on.
    pub fn refuse(&self, percent: u32) {
        self.refused.store(percent, Ordering::Relaxed);
    }

    /// The sequences of the events that were told so far, in the order of the calls.
    #[must_use]
    pub fn sequences(&self) -> Vec<i64> {
        self.sequences_after(0)
    }

    /// The same, without the first so many calls.
    #[must_use]
    pub fn sequences_after(&self, calls: usize) -> Vec<i64> {
        let told = self.told.lock().unwrap();
        let sequence = |told: &Told| told.value("x-entente-sequence").parse().ok();
        told.iter().skip(calls).filter_map(sequence).collect()
    }

    /// What was told about a topic so far.
    #[must_use]
    pub fn told(&self, topic: &str) -> Vec<Value> {
        self.those(|told| (told.topic == topic).then(|| told.payload.clone()))
    }

    /// What was told so far by calls whose header has a value, as texts; of those without it, the empty one.
    #[must_use]
    pub fn told_with(&self, header: &str, value: &str) -> Vec<String> {
        self.those(|told| (told.value(header) == value).then(|| told.payload.to_string()))
    }

    /// The values that a header had so far, each once; of calls without it, the empty one.
    #[must_use]
    pub fn values(&self, header: &str) -> BTreeSet<String> {
        self.those(|told| Some(told.value(header).to_owned()))
    }

    fn those<T: FromIterator<I>, I>(&self, each: impl Fn(&Told) -> Option<I>) -> T {
        self.told.lock().unwrap().iter().filter_map(each).collect()
    }

    /// Waits for a webhook.
    pub async fn until(&self, topic: &str, matches: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the webhook {topic}"), async || {
            self.told(topic).into_iter().find(|payload| matches(payload))
        })
        .await
    }
}

impl Told {
    fn value(&self, header: &str) -> &str {
        self.headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
