use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use entente_rpc::proto::connection::v1::{
    ApproveExchangeRequest, Exchange, GetExchangeRequest, RejectExchangeRequest, Role,
};
use serde_json::Value;

use super::error::ApiError;
use super::fields::{Body, Fields, Query};
use super::{present, records};
use crate::gateway::Shared;

/// `POST /didexchange/{conn_id}/accept-invitation`: sends the request for an invitation that waits.
pub(super) async fn accept_invitation(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint", "use_did", "mediation_id"])?;
    if query.one_of("use_did_method", &["did:peer:2", "did:peer:4"])? == Some("did:peer:2") {
        return Err(ApiError::bad_request(
            "use_did_method: the DID of an exchange is a did:peer:4",
        ));
    }
    let label = query.filter("my_label")?.map(str::to_owned);
    approve(&shared, id, label, Role::Invitee).await
}

/// `POST /didexchange/{conn_id}/accept-request`: sends the response to a request that waits.
pub(super) async fn accept_request(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint", "mediation_id"])?;
    if query.boolean("use_public_did")?.unwrap_or(false) {
        return Err(ApiError::bad_request("use_public_did: this agent has no public DID"));
    }
    approve(&shared, id, None, Role::Inviter).await
}

/// `POST /didexchange/{conn_id}/reject`: abandons an exchange and tells the peer.
pub(super) async fn reject(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(RejectExchangeRequest { id, reason: body.owned("reason")? })?;
    let answer = shared.clients.exchanges.clone().reject_exchange(request).await?.into_inner();
    Ok(Json(records::connection(&present(answer.exchange)?, None)))
}

async fn approve(
    shared: &Shared,
    id: String,
    label: Option<String>,
    role: Role,
) -> Result<Json<Value>, ApiError> {
    let exchange = exchange(shared, &id).await?;
    if exchange.role() != role {
        let (ours, call) = match role {
            Role::Invitee => ("an invitation that we made", "accept-request"),
            _ => ("an invitation that we received", "accept-invitation"),
        };
        return Err(ApiError::bad_request(format!("Connection {id} is of {ours}: use {call}")));
    }
    let request = shared.request(ApproveExchangeRequest { id, label })?;
    let answer = shared.clients.exchanges.clone().approve_exchange(request).await?.into_inner();
    Ok(Json(records::connection(&present(answer.exchange)?, None)))
}

async fn exchange(shared: &Shared, id: &str) -> Result<Exchange, ApiError> {
    let request = shared.request(GetExchangeRequest { id: id.to_owned() })?;
    present(shared.clients.exchanges.clone().get_exchange(request).await?.into_inner().exchange)
}

/// Parameters that would change what is sent must not be ignored.
fn refuse(query: &Fields, names: &[&str]) -> Result<(), ApiError> {
    for name in names {
        if query.filter(name)?.is_some() {
            return Err(ApiError::bad_request(format!("{name}: not supported; leave it out")));
        }
    }
    Ok(())
}
