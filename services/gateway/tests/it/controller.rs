//! The owner's program that webhooks call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use entente_gateway::Config;
use entente_rpc::DEFAULT_TENANT;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::event::v1::GetConsumerRequest;
use serde_json::Value;

use crate::agent::Agent;
use crate::support::bind;

/// A controller: it keeps what it is told, and refuses what it is told to refuse.
#[derive(Clone, Default)]
pub struct Controller {
    pub told: Arc<Mutex<Vec<Told>>>,
    refuse: Arc<Mutex<Option<String>>>,
}

#[derive(Clone, Debug)]
pub struct Told {
    pub topic: String,
    pub payload: Value,
    pub sequence: i64,
    pub key: String,
}

impl Controller {
    pub async fn listen(&self) -> String {
        async fn tell(
            State(controller): State<Controller>,
            Path(topic): Path<String>,
            headers: HeaderMap,
            body: String,
        ) -> StatusCode {
            if controller.refuse.lock().unwrap().as_ref().is_some_and(|word| body.contains(word)) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
            controller.told.lock().unwrap().push(Told {
                topic,
                payload: serde_json::from_str(&body).unwrap(),
                sequence: header("x-entente-sequence").parse().unwrap(),
                key: header("x-api-key"),
            });
            StatusCode::OK
        }
        let listener = bind().await;
        let url = format!("http://{}/hooks#hook-key", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .route("/hooks/topic/{topic}/", axum::routing::post(tell))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    pub fn refuse(&self, word: Option<&str>) {
        *self.refuse.lock().unwrap() = word.map(str::to_owned);
    }

    pub fn of(&self, topic: &str) -> Vec<Told> {
        self.told.lock().unwrap().iter().filter(|told| told.topic == topic).cloned().collect()
    }

    pub async fn until(&self, topic: &str, matches: impl Fn(&Value) -> bool) -> Told {
        for _ in 0..200 {
            if let Some(told) = self.of(topic).into_iter().find(|told| matches(&told.payload)) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{topic} was not told: {:#?}", self.told.lock().unwrap());
    }
}

pub fn hooks(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.webhooks.urls = vec![url];
        config.webhooks.attempts = 3;
        config.webhooks.first_delay = Duration::from_millis(20);
        config.webhooks.replay_interval = Duration::from_millis(100);
    }
}

/// Lets a new consumer store its first cursor, from which it goes on.
pub async fn settled(agent: &Agent, url: &str) {
    let name = format!("webhook:{}", url.split('#').next().unwrap());
    for _ in 0..200 {
        let request = GetConsumerRequest { name: name.clone() };
        if agent.events().get_consumer(for_tenant(DEFAULT_TENANT, request).unwrap()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the consumer was not made");
}
