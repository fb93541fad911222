use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, ApproveExchangeRequest, DidMethod, Exchange, GetExchangeRequest,
    RejectExchangeRequest, ReusePolicy, Role, SubmitRequestRequest,
};
use serde_json::Value;

use super::error::ApiError;
use super::fields::{Body, Fields, Query};
use super::{present, records};
use crate::gateway::Shared;

/// `POST /didexchange/create-request`: sends a request to an agent by its DID alone, always for a new connection.
pub(super) async fn create_request(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(implicit(&query)?)?;
    let answer = shared.clients.invitations.clone().accept_invitation(request).await?.into_inner();
    let id = present(answer.acceptance)?.exchange_id;
    Ok(Json(records::connection(&exchange(&shared, &id).await?, None)))
}

fn implicit(query: &Fields) -> Result<AcceptInvitationRequest, ApiError> {
    refuse(query, &["my_endpoint", "mediation_id", "use_did", "goal", "goal_code"])?;
    refuse_public_did(query)?;
    if query.filter("protocol")?.is_some_and(|protocol| !protocol.ends_with("didexchange/1.1")) {
        return Err(ApiError::bad_request(
            "protocol: a request without an invitation is one of didexchange/1.1",
        ));
    }
    let missing = || query.invalid("their_public_did", "Missing data for required field.");
    let did = query.filter("their_public_did")?.ok_or_else(missing)?;
    if !did.starts_with("did:") {
        return Err(query.invalid("their_public_did", "Value is not a valid DID."));
    }
    let did_method = match query.one_of("use_did_method", &["did:peer:2", "did:peer:4"])? {
        Some("did:peer:2") => DidMethod::Peer2,
        _ => DidMethod::Peer4,
    };
    Ok(AcceptInvitationRequest {
        invitation: did.to_owned(),
        reuse: Some(ReusePolicy { disabled: true, ..ReusePolicy::default() }),
        alias: query.owned("alias")?,
        label: query.filter("my_label")?.map(str::to_owned),
        auto_accept: Some(true),
        did_method: did_method.into(),
        ..AcceptInvitationRequest::default()
    })
}

/// `POST /didexchange/receive-request`: a request that the owner has without its envelope, for a DID that it opened.
pub(super) async fn receive_request(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint", "mediation_id"])?;
    let request = SubmitRequestRequest {
        alias: query.filter("alias")?.map(str::to_owned),
        auto_accept: query.boolean("auto_accept")?,
        request_json: Value::Object(body.values()).to_string(),
    };
    let request = shared.request(request)?;
    let answer = shared.clients.exchanges.clone().submit_request(request).await?.into_inner();
    Ok(Json(records::connection(&present(answer.exchange)?, None)))
}

/// `POST /didexchange/{conn_id}/accept-invitation`: sends the request for an invitation that waits.
pub(super) async fn accept_invitation(
    Extension(shared): Extension<Arc<Shared>>,
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
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint", "mediation_id"])?;
    refuse_public_did(&query)?;
    approve(&shared, id, None, Role::Inviter).await
}

/// `POST /didexchange/{conn_id}/reject`: abandons an exchange and tells the peer.
pub(super) async fn reject(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(RejectExchangeRequest { id, reason: body.owned("reason")? })?;
    let answer = shared.clients.exchanges.clone().reject_exchange(request).await?.into_inner();
    Ok(Json(records::connection(&present(answer.exchange)?, None)))
}

pub(super) async fn approve(
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

fn refuse_public_did(query: &Fields) -> Result<(), ApiError> {
    match query.boolean("use_public_did")? {
        Some(true) => Err(ApiError::bad_request("use_public_did: this agent has no public DID")),
        _ => Ok(()),
    }
}

/// Parameters that would change what is sent must not be ignored.
pub(super) fn refuse(fields: &Fields, names: &[&str]) -> Result<(), ApiError> {
    for name in names {
        if fields.filter(name)?.is_some() {
            return Err(ApiError::bad_request(format!("{name}: not supported; leave it out")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DID: &str = "did:peer:2.Ez6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";

    fn status(query: &str) -> u16 {
        implicit(&Fields::query(query)).unwrap_err().status().as_u16()
    }

    #[test]
    fn a_request_by_did_makes_a_new_connection() {
        let query =
            format!("their_public_did={DID}&alias=Bob&my_label=Us&use_did_method=did:peer:2");
        let request = implicit(&Fields::query(&query)).unwrap();
        assert_eq!((request.invitation.as_str(), request.alias.as_str()), (DID, "Bob"));
        assert_eq!(
            (request.label.as_deref(), request.did_method()),
            (Some("Us"), DidMethod::Peer2)
        );
        assert!(request.reuse.unwrap().disabled);
        let request = implicit(&Fields::query(&format!("their_public_did={DID}"))).unwrap();
        assert_eq!(request.did_method(), DidMethod::Peer4);
    }

    #[test]
    fn what_would_change_the_request_is_not_ignored() {
        assert_eq!(status(""), 422);
        assert_eq!(status("their_public_did=TDmvXTXqG8dTvTdnfEqvGS"), 422);
        assert_eq!(status(&format!("their_public_did={DID}&use_did_method=did:web")), 422);
        for more in ["use_public_did=true", "goal=x", "use_did=did:a:b", "protocol=didexchange/1.0"]
        {
            assert_eq!(status(&format!("their_public_did={DID}&{more}")), 400, "{more}");
        }
    }
}
