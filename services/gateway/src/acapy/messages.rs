use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use entente_rpc::proto::connection::v1::{SendBasicMessageRequest, SendPingRequest};
use serde_json::{Value, json};

use super::connections::find;
use super::error::ApiError;
use super::fields::Body;
use crate::gateway::Shared;

/// `POST /connections/{conn_id}/send-ping`.
pub(super) async fn send_ping(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let comment = body.owned("comment")?;
    let request =
        SendPingRequest { connection_id: id.clone(), comment, ..SendPingRequest::default() };
    match shared.clients.messages.clone().send_ping(shared.request(request)?).await {
        Ok(answer) => Ok(Json(json!({"thread_id": answer.into_inner().thread_id}))),
        Err(status) => Err(explain(&shared, &id, status.into()).await),
    }
}

/// `POST /connections/{conn_id}/send-message`.
pub(super) async fn send_message(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let content = body.text("content")?;
    let content = content
        .ok_or_else(|| body.invalid("content", "Missing data for required field."))?
        .to_owned();
    let request = SendBasicMessageRequest {
        connection_id: id.clone(),
        content,
        ..SendBasicMessageRequest::default()
    };
    match shared.clients.messages.clone().send_basic_message(shared.request(request)?).await {
        Ok(_) => Ok(Json(json!({}))),
        Err(status) => Err(explain(&shared, &id, status.into()).await),
    }
}

/// To the service, a handshake under way is no connection; to ACA-Py's callers it is one that is not ready.
async fn explain(shared: &Shared, id: &str, error: ApiError) -> ApiError {
    if error.status() == 404 && find(shared, id).await.is_ok() {
        return ApiError::bad_request(format!("Connection {id} not ready"));
    }
    error
}
