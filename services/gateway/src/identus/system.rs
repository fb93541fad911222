use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ErrorResponse;
use crate::gateway::Shared;

/// `GET /_system/health`: the connection service and its store answer, and no stop has begun.
pub(super) async fn health(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Value>, ErrorResponse> {
    if shared.is_ready().await {
        return Ok(Json(json!({"version": env!("CARGO_PKG_VERSION")})));
    }
    Err(ErrorResponse::unavailable("the connection service does not answer"))
}
