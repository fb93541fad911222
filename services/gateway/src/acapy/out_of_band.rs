pub(super) mod create;
pub(super) mod list;
pub(super) mod receive;

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    Acceptance, DeleteAcceptanceRequest, DeleteInvitationRequest, GetAcceptanceRequest,
    GetInvitationRequest, Invitation, ListAcceptancesRequest,
};
use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::Query;
use super::{present, records};
use crate::gateway::Shared;

/// `GET /out-of-band/invitations?oob_id=`: an invitation that was made or received.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let id = query
        .filter("oob_id")?
        .ok_or_else(|| query.invalid("oob_id", "Missing data for required field."))?;
    if let Some(invitation) = invitation(&shared, id).await? {
        return Ok(Json(records::sent(&invitation)));
    }
    match acceptance(&shared, id).await? {
        Some(acceptance) => Ok(Json(records::received(&acceptance))),
        None => Err(ApiError::not_found("out-of-band record", id)),
    }
}

/// `DELETE /out-of-band/invitations/{invi_msg_id}`: the invitation that we made, or what we keep of one received.
/// Connections stay.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(DeleteInvitationRequest { id: id.clone() })?;
    let mut deleted = match shared.clients.invitations.clone().delete_invitation(request).await {
        Ok(_) => true,
        Err(status) if status.code() == Code::NotFound => false,
        Err(status) => return Err(status.into()),
    };
    let request =
        ListAcceptancesRequest { invitation_id: id.clone(), ..ListAcceptancesRequest::default() };
    let found = shared
        .clients
        .invitations
        .clone()
        .list_acceptances(shared.request(request)?)
        .await?
        .into_inner();
    for acceptance in found.acceptances {
        let request = shared.request(DeleteAcceptanceRequest { id: acceptance.id })?;
        shared.clients.invitations.clone().delete_acceptance(request).await?;
        deleted = true;
    }
    if deleted { Ok(Json(json!({}))) } else { Err(ApiError::not_found("invitation", &id)) }
}

async fn invitation(shared: &Shared, id: &str) -> Result<Option<Invitation>, ApiError> {
    let request = shared.request(GetInvitationRequest { id: id.to_owned() })?;
    match shared.clients.invitations.clone().get_invitation(request).await {
        Ok(answer) => present(answer.into_inner().invitation).map(Some),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

async fn acceptance(shared: &Shared, id: &str) -> Result<Option<Acceptance>, ApiError> {
    let request = shared.request(GetAcceptanceRequest { id: id.to_owned() })?;
    match shared.clients.invitations.clone().get_acceptance(request).await {
        Ok(answer) => present(answer.into_inner().acceptance).map(Some),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}
