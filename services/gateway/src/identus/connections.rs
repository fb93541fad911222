pub(super) mod accept;
pub(super) mod list;
mod origins;

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::http::StatusCode;
use entente_rpc::proto::connection::v1::{
    Connection, CreateInvitationRequest, DeleteConnectionRequest, DeleteExchangeRequest,
    DeleteInvitationRequest, DidMethod, Exchange, ExchangeState, GetConnectionRequest,
    GetExchangeRequest, GetInvitationRequest, HandshakeProtocol, Invitation, InvitationFormat,
    InvitationKind,
};
use entente_rpc::{Code, Response, Status};
use serde_json::Value;

use super::error::ErrorResponse;
use super::fields::{Body, Id};
use super::present;
use super::records::{self, Delivery};
use crate::gateway::Shared;
pub(super) use origins::Origins;

/// `POST /connections`: an invitation, and the connection that it will make.
pub(super) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ErrorResponse> {
    let request = shared.request(request(&body)?)?;
    let answer = shared.clients.invitations.clone().create_invitation(request).await?.into_inner();
    Ok((StatusCode::CREATED, Json(records::invited(&present(answer.invitation)?))))
}

fn request(body: &Body) -> Result<CreateInvitationRequest, ErrorResponse> {
    let [label, goal_code, goal] = body.short_texts(["label", "goalCode", "goal"])?;
    let multi_use = body.boolean("multiUse")?.unwrap_or(false);
    let max_uses = body.count("maxUses")?;
    if max_uses.is_some() && !multi_use {
        return Err(ErrorResponse::invalid(&["maxUses needs multiUse: true".to_owned()]));
    }
    let expires_in = body
        .count("expiresInSeconds")?
        .map(|seconds| prost_types::Duration { seconds: seconds.into(), nanos: 0 });
    Ok(CreateInvitationRequest {
        kind: if multi_use { InvitationKind::MultiUse } else { InvitationKind::SingleUse }.into(),
        max_uses: max_uses.unwrap_or_default(),
        expires_in,
        did_method: DidMethod::Peer2.into(),
        // A DID of its own, as the Cloud Agent has it. Those of multi-use invitations are the same, to be recognised.
        create_unique_did: !multi_use,
        format: InvitationFormat::OutOfBand2.into(),
        handshake_protocols: vec![HandshakeProtocol::Identus10.into()],
        alias: label,
        goal_code,
        goal,
        ..CreateInvitationRequest::default()
    })
}

/// `GET /connections/{connectionId}`.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<Json<Value>, ErrorResponse> {
    Ok(Json(find(&shared, &id).await?.record(&shared).await?))
}

/// `DELETE /connections/{connectionId}`, in every state. The connection goes with its exchange and keys, the exchange
/// alone with its keys and an invitation that nobody used.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<StatusCode, ErrorResponse> {
    match find(&shared, &id).await? {
        Found::Connection(_, made) => {
            let request = shared.request(DeleteConnectionRequest { id: made.id })?;
            shared.clients.connections.clone().delete_connection(request).await?;
        }
        Found::Exchange(exchange) => {
            let request = shared.request(DeleteExchangeRequest { id: exchange.id })?;
            shared.clients.exchanges.clone().delete_exchange(request).await?;
        }
        Found::Invitation(invitation) => {
            let request = shared.request(DeleteInvitationRequest { id: invitation.id })?;
            shared.clients.invitations.clone().delete_invitation(request).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What an id names.
enum Found {
    /// A handshake without a connection.
    Exchange(Box<Exchange>),
    /// A connection, and the exchange that made it.
    Connection(Box<Exchange>, Box<Connection>),
    /// An invitation without an exchange of its own: a multi-use one.
    Invitation(Box<Invitation>),
}

impl Found {
    async fn record(&self, shared: &Shared) -> Result<Value, ErrorResponse> {
        let (exchange, made) = match self {
            Self::Exchange(exchange) => (exchange, None),
            Self::Connection(exchange, made) => (exchange, Some(&**made)),
            Self::Invitation(invitation) => return Ok(records::invited(invitation)),
        };
        let origins = Origins::of(shared, std::slice::from_ref(&**exchange)).await?;
        Ok(records::connection(
            exchange,
            made,
            origins.origin(exchange),
            Delivery::AsRecorded,
            &shared.config.endpoint,
        ))
    }
}

/// Finds what an id names: a connection, or the invitation that will make one. The Cloud Agent gives both one id.
async fn find(shared: &Shared, id: &str) -> Result<Found, ErrorResponse> {
    if let Some(found) = find_connection(shared, id).await? {
        return Ok(found);
    }
    let request = shared.request(GetInvitationRequest { id: id.to_owned() })?;
    let found = shared.clients.invitations.clone().get_invitation(request).await;
    let Some(answer) = unless_not_found(found)? else {
        return Err(ErrorResponse::no_record(id));
    };
    let invitation = present(answer.invitation)?;
    if invitation.exchange_id.is_empty() {
        return Ok(Found::Invitation(Box::new(invitation)));
    }
    let found = find_connection(shared, &invitation.exchange_id).await?;
    found.ok_or_else(|| ErrorResponse::no_record(id))
}

async fn find_connection(shared: &Shared, id: &str) -> Result<Option<Found>, ErrorResponse> {
    let request = shared.request(GetExchangeRequest { id: id.to_owned() })?;
    let found = shared.clients.exchanges.clone().get_exchange(request).await;
    let exchange = match unless_not_found(found)? {
        Some(answer) => Some(present(answer.exchange)?),
        None => None,
    };
    if let Some(exchange) = &exchange
        && exchange.state() != ExchangeState::Done
    {
        return Ok(Some(Found::Exchange(Box::new(exchange.clone()))));
    }
    let request = shared.request(GetConnectionRequest { id: id.to_owned() })?;
    let found = shared.clients.connections.clone().get_connection(request).await;
    let made = match unless_not_found(found)? {
        Some(answer) => present(answer.connection)?,
        None => return Ok(exchange.map(|exchange| Found::Exchange(Box::new(exchange)))),
    };
    let exchange = exchange.unwrap_or_else(|| records::done(&made));
    Ok(Some(Found::Connection(Box::new(exchange), Box::new(made))))
}

fn unless_not_found<T>(found: Result<Response<T>, Status>) -> Result<Option<T>, ErrorResponse> {
    match found {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(body: &str) -> Result<CreateInvitationRequest, ErrorResponse> {
        request(&Body::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn an_invitation_is_single_use_with_a_did_of_its_own() {
        let request = build(r#"{"label": "Connect with Alice", "goalCode": "c", "goal": "g"}"#);
        let request = request.unwrap();
        assert_eq!(request.kind(), InvitationKind::SingleUse);
        assert_eq!(request.format(), InvitationFormat::OutOfBand2);
        assert_eq!(request.handshake_protocols, [HandshakeProtocol::Identus10 as i32]);
        assert!(request.create_unique_did && request.expires_in.is_none());
        assert_eq!((request.alias.as_str(), request.label), ("Connect with Alice", None));
        assert_eq!((request.goal_code.as_str(), request.goal.as_str()), ("c", "g"));
        assert!(build("{}").unwrap().alias.is_empty());
    }

    #[test]
    fn a_multi_use_invitation_keeps_one_did() {
        let request = build(r#"{"multiUse": true, "maxUses": 3, "expiresInSeconds": 60}"#).unwrap();
        assert_eq!((request.kind(), request.max_uses), (InvitationKind::MultiUse, 3));
        assert!(!request.create_unique_did);
        assert_eq!(request.expires_in.unwrap().seconds, 60);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let invalid = "error:ConnectionServiceError:UserInputValidationError";
        let unreadable = "error:RequestBodyDecodingFailure";
        let long = format!(r#"{{"goal": "{}"}}"#, "x".repeat(256));
        for (body, kind, word) in [
            (long.as_str(), invalid, "goal"),
            (r#"{"label": 7}"#, unreadable, "label"),
            (r#"{"multiUse": "yes"}"#, unreadable, "multiUse"),
            (r#"{"maxUses": 3}"#, invalid, "multiUse"),
            (r#"{"multiUse": true, "maxUses": 0}"#, invalid, "maxUses"),
            (r#"{"expiresInSeconds": -1}"#, invalid, "expiresInSeconds"),
            (r#"{"expiresInSeconds": 1.5}"#, invalid, "expiresInSeconds"),
        ] {
            let error = build(body).unwrap_err();
            assert_eq!(error.shown(), (400, kind.to_owned()), "{body}");
            assert!(error.detail().contains(word), "{}", error.detail());
        }
    }
}
