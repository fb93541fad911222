use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use entente_rpc::proto::connection::v1::{SendBasicMessageRequest, SendPingRequest};
use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::Body;
use crate::gateway::Shared;

/// `POST /connections/{conn_id}/send-ping`.
pub(super) async fn send_ping(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let comment = body.owned("comment")?;
    let request = SendPingRequest { connection_id: id, comment, ..SendPingRequest::default() };
    let answer = shared.clients.messages.clone().send_ping(shared.request(request)?).await?;
    Ok(Json(json!({"thread_id": answer.into_inner().thread_id})))
}

/// `POST /connections/{conn_id}/send-message`.
pub(super) async fn send_message(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let content = body.text("content")?;
    let content = content
        .ok_or_else(|| body.invalid("content", "Missing data for required field."))?
        .to_owned();
    let request = SendBasicMessageRequest {
        connection_id: id,
        content,
        ..SendBasicMessageRequest::default()
    };
    shared.clients.messages.clone().send_basic_message(shared.request(request)?).await?;
    Ok(Json(json!({})))
}
