pub(super) mod agreed;
pub(super) mod handshake;
pub(super) mod list;

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    Connection, DeleteConnectionRequest, DeleteExchangeRequest, Exchange, ExchangeState,
    GetConnectionRequest, GetExchangeRequest, UpdateConnectionRequest,
};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::fields::{Body, Query};
use super::{present, records};
use crate::gateway::Shared;

/// What an id of ACA-Py's names here: an exchange, the connection that it made, or both.
pub(super) struct Found {
    pub(super) exchange: Option<Exchange>,
    pub(super) connection: Option<Connection>,
}

impl Found {
    fn record(&self) -> Value {
        match (&self.exchange, &self.connection) {
            (Some(exchange), made) => records::connection(exchange, made.as_ref()),
            (None, Some(made)) => records::connection_of(made),
            (None, None) => Value::Null,
        }
    }
}

/// Finds both; 404 when there is neither.
pub(super) async fn find(shared: &Shared, id: &str) -> Result<Found, ApiError> {
    let request = shared.request(GetExchangeRequest { id: id.to_owned() })?;
    let exchange = match shared.clients.exchanges.clone().get_exchange(request).await {
        Ok(answer) => Some(present(answer.into_inner().exchange)?),
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => return Err(status.into()),
    };
    if exchange.as_ref().is_some_and(|exchange| exchange.state() != ExchangeState::Done) {
        return Ok(Found { exchange, connection: None });
    }
    let request = shared.request(GetConnectionRequest { id: id.to_owned() })?;
    let connection = match shared.clients.connections.clone().get_connection(request).await {
        Ok(answer) => Some(present(answer.into_inner().connection)?),
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => return Err(status.into()),
    };
    match (exchange, connection) {
        (None, None) => Err(ApiError::not_found("connection", id)),
        (exchange, connection) => Ok(Found { exchange, connection }),
    }
}

/// `GET /connections/{conn_id}`.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(find(&shared, &id).await?.record()))
}

/// `DELETE /connections/{conn_id}`: the connection with its exchange, or the exchange alone.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if find(&shared, &id).await?.connection.is_some() {
        let request = shared.request(DeleteConnectionRequest { id })?;
        shared.clients.connections.clone().delete_connection(request).await?;
    } else {
        let request = shared.request(DeleteExchangeRequest { id })?;
        shared.clients.exchanges.clone().delete_exchange(request).await?;
    }
    Ok(Json(json!({})))
}

/// `GET /connections/{conn_id}/metadata`, all or of one `key`.
pub(super) async fn metadata(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let metadata = metadata_of(&find(&shared, &id).await?);
    let results = match query.filter("key")? {
        Some(key) => metadata.get(key).cloned().unwrap_or_default(),
        None => Value::Object(metadata),
    };
    Ok(Json(json!({"results": results})))
}

/// `POST /connections/{conn_id}/metadata`: adds keys, and replaces those that are there.
pub(super) async fn set_metadata(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let added = body.object("metadata")?;
    let added =
        added.ok_or_else(|| body.invalid("metadata", "Missing data for required field."))?;
    let found = find(&shared, &id).await?;
    if found.connection.is_none() {
        return Err(ApiError::bad_request(format!(
            "Connection {id} not ready: metadata can be set once it is active"
        )));
    }
    let mut metadata = metadata_of(&found);
    metadata.extend(added.clone());
    let metadata_json = Some(Value::Object(metadata).to_string());
    let request = shared.request(UpdateConnectionRequest { id, metadata_json, alias: None })?;
    let answer = shared.clients.connections.clone().update_connection(request).await?.into_inner();
    let metadata = object(&present(answer.connection)?.metadata_json);
    Ok(Json(json!({"results": metadata})))
}

/// `GET /connections/{conn_id}/endpoints`.
pub(super) async fn endpoints(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = find(&shared, &id).await?;
    let (mine, theirs) = match (&found.connection, &found.exchange) {
        (Some(made), _) => (made.my_endpoint.as_str(), made.their_endpoint.as_str()),
        (None, Some(exchange)) => ("", exchange.their_endpoint.as_str()),
        (None, None) => ("", ""),
    };
    let mine = if mine.is_empty() { shared.config.endpoint.as_str() } else { mine };
    let theirs = if theirs.is_empty() { Value::Null } else { Value::from(theirs) };
    Ok(Json(json!({"my_endpoint": mine, "their_endpoint": theirs})))
}

fn metadata_of(found: &Found) -> Map<String, Value> {
    match (&found.connection, &found.exchange) {
        (Some(made), _) => object(&made.metadata_json),
        (None, Some(exchange)) => object(&exchange.metadata_json),
        (None, None) => Map::new(),
    }
}

fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}
