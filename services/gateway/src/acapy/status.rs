use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entente_rpc::Code;
use entente_rpc::proto::event::v1::GetConsumerRequest;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::gateway::Shared;

/// How long the connection service may take to answer a probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /status`.
pub(super) async fn status(Extension(shared): Extension<Arc<Shared>>) -> Json<Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION"), "label": shared.label().await}))
}

/// `GET /status/config`, without secrets.
pub(super) async fn config(Extension(shared): Extension<Arc<Shared>>) -> Json<Value> {
    let config = &shared.config;
    Json(json!({"config": {
        "default_label": shared.label().await,
        "default_endpoint": config.endpoint,
        "transport.max_message_size": config.didcomm.max_message,
        "transport.max_in_flight": config.didcomm.max_in_flight,
    }}))
}

/// `POST /status/reset`: there are no statistics to reset; `/metrics` has counters, which never go back.
pub(super) async fn reset() -> Json<Value> {
    Json(json!({}))
}

/// `GET /status/live`: the process answers.
pub(super) async fn live() -> Json<Value> {
    Json(json!({"alive": true}))
}

/// `GET /status/ready`: the connection service and its store answer, and no stop has begun.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, ApiError> {
    if shared.is_ready().await {
        return Ok(Json(json!({"ready": true})));
    }
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "Service not ready"))
}

impl Shared {
    /// Whether the connection service and its store answer, and no stop has begun.
    pub(crate) async fn is_ready(&self) -> bool {
        if !self.is_open() {
            return false;
        }
        let Ok(probe) = self.request(GetConsumerRequest { name: "readiness".to_owned() }) else {
            return false;
        };
        let mut events = self.clients.events.clone();
        let answered = match tokio::time::timeout(PROBE_TIMEOUT, events.get_consumer(probe)).await {
            Ok(Ok(_)) => true,
            Ok(Err(status)) => status.code() == Code::NotFound,
            Err(_) => false,
        };
        answered && self.is_open()
    }
}

/// `GET /plugins`: what is built in, by the names that ACA-Py has for it.
pub(super) async fn plugins() -> Json<Value> {
    let protocols =
        ["basicmessage", "didexchange", "discovery", "out_of_band", "problem_report", "trustping"];
    let mut names = vec!["acapy_agent.connections".to_owned()];
    names.extend(protocols.map(|protocol| format!("acapy_agent.protocols.{protocol}")));
    Json(json!({"result": names, "external": []}))
}

/// `GET /shutdown`.
pub(super) async fn shutdown() -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "stop the process with SIGTERM instead")
}
