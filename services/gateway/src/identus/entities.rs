//! `/iam`: entities, each an owner of a wallet, and the API keys that they are let in with. For operators.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use entente_rpc::proto::access::v1::{
    AddEntityKeyRequest, CreateEntityRequest, DeleteEntityRequest, Entity, GetEntityRequest,
    ListEntitiesRequest, RemoveEntityKeyRequest, UpdateEntityRequest,
};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use prost_types::FieldMask;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::ErrorResponse;
use super::fields::{Body, Id, Page};
use super::wallets::{tenant_of, wallet_of};
use super::{BASE, pages, present};
use crate::acapy::records::timestamp;
use crate::gateway::Shared;

/// The most entities that the service gives at once.
const PAGE_SIZE: i32 = 1_000;

/// `POST /iam/entities`: without a `walletId` it owns the default wallet.
pub(super) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ErrorResponse> {
    let name = body.name()?;
    let id = body.uuid("id")?.map(|id| id.to_string()).unwrap_or_default();
    let wallet = body.uuid("walletId")?.unwrap_or_default().to_string();
    let request = CreateEntityRequest { id: id.clone(), name, tenant: tenant_of(&wallet) };
    let made = shared.clients.entities.clone().create_entity(shared.request(request)?).await;
    let made = made.map_err(|status| match status.code() {
        Code::NotFound => ErrorResponse::no_wallet(&wallet),
        Code::AlreadyExists => ErrorResponse::entity_exists(&id),
        _ => status.into(),
    })?;
    Ok((StatusCode::CREATED, Json(shown(&present(made.into_inner().entity)?))))
}

/// `GET /iam/entities/{id}`.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<Json<Value>, ErrorResponse> {
    let request = shared.request(GetEntityRequest { id: id.clone() })?;
    let answer = shared.clients.entities.clone().get_entity(request).await;
    let answer = answer.map_err(|status| unknown(status, &id))?.into_inner();
    Ok(Json(shown(&present(answer.entity)?)))
}

/// `GET /iam/entities`: in the order of their ids.
pub(super) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    page: Page,
) -> Result<Json<Value>, ErrorResponse> {
    let size = |number: i32| usize::try_from(number).unwrap_or_default();
    let (offset, limit) = (size(page.offset), size(page.limit));
    let (mut entities, mut page_token) = (Vec::new(), String::new());
    while entities.len() <= offset + limit {
        let request = shared.request(ListEntitiesRequest { page_size: PAGE_SIZE, page_token })?;
        let answer = shared.clients.entities.clone().list_entities(request).await?.into_inner();
        entities.extend(answer.entities);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let more = entities.len() > offset + limit;
    let contents = entities.iter().skip(offset).take(limit).map(shown).collect();
    Ok(Json(pages::shown("iam/entities", "EntityPage", &page, contents, more)))
}

/// `PUT /iam/entities/{id}/name`.
pub(super) async fn rename(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, ErrorResponse> {
    let Id(id) = Id::parse(&id)?;
    let name = body.name()?;
    let entity = Entity { id: id.clone(), name, ..Entity::default() };
    update(&shared, entity, "name").await.map_err(|status| unknown(status, &id))
}

/// `PUT /iam/entities/{id}/walletId`: its keys open the other wallet from now on.
pub(super) async fn assign(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, ErrorResponse> {
    let Id(id) = Id::parse(&id)?;
    let missing = || ErrorResponse::unreadable("walletId is missing");
    let wallet = body.uuid("walletId")?.ok_or_else(missing)?.to_string();
    let entity = Entity { id: id.clone(), tenant: tenant_of(&wallet), ..Entity::default() };
    update(&shared, entity, "tenant").await.map_err(|status| {
        match Failure::of(&status).metadata("resource") {
            Some("tenant") => ErrorResponse::no_wallet(&wallet),
            _ => unknown(status, &id),
        }
    })
}

async fn update(shared: &Shared, entity: Entity, field: &str) -> Result<Json<Value>, Status> {
    let update_mask = Some(FieldMask { paths: vec![field.to_owned()] });
    let request = UpdateEntityRequest { entity: Some(entity), update_mask };
    let answer = shared.clients.entities.clone().update_entity(shared.request(request)?).await?;
    Ok(Json(shown(&answer.into_inner().entity.unwrap_or_default())))
}

/// `DELETE /iam/entities/{id}`: with its keys.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<StatusCode, ErrorResponse> {
    let request = shared.request(DeleteEntityRequest { id: id.clone() })?;
    let deleted = shared.clients.entities.clone().delete_entity(request).await;
    deleted.map_err(|status| unknown(status, &id))?;
    Ok(StatusCode::OK)
}

/// `POST /iam/apikey-authentication`.
pub(super) async fn add_key(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<StatusCode, ErrorResponse> {
    let (entity_id, key) = entity_and_key(&body)?;
    let request = AddEntityKeyRequest { entity_id: entity_id.clone(), key };
    let added = shared.clients.entities.clone().add_entity_key(shared.request(request)?).await;
    added.map_err(|status| match Failure::of(&status) {
        failure if failure.reason == ErrorReason::AlreadyExists => {
            ErrorResponse::key_taken(&failure.message)
        }
        failure if failure.reason == ErrorReason::LimitReached => {
            ErrorResponse::invalid(&[failure.message])
        }
        failure if failure.reason == ErrorReason::InvalidField => {
            let problem = failure.message.split_once(": ").map_or("", |(_, problem)| problem);
            ErrorResponse::invalid(&[format!("apiKey {problem}")])
        }
        _ => unknown(status, &entity_id),
    })?;
    Ok(StatusCode::CREATED)
}

/// `DELETE /iam/apikey-authentication`.
pub(super) async fn remove_key(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<StatusCode, ErrorResponse> {
    let (entity_id, key) = entity_and_key(&body)?;
    let request = RemoveEntityKeyRequest { entity_id: entity_id.clone(), key };
    let request = shared.request(request)?;
    let removed = shared.clients.entities.clone().remove_entity_key(request).await?.into_inner();
    if removed.removed { Ok(StatusCode::OK) } else { Err(ErrorResponse::no_key(&entity_id)) }
}

fn entity_and_key(body: &Body) -> Result<(String, String), ErrorResponse> {
    let missing = |name: &str| ErrorResponse::unreadable(format!("{name} is missing"));
    let entity = body.uuid("entityId")?.ok_or_else(|| missing("entityId"))?;
    let key = body.text("apiKey")?.ok_or_else(|| missing("apiKey"))?;
    Ok((entity.to_string(), key.to_owned()))
}

fn unknown(status: Status, id: &str) -> ErrorResponse {
    if status.code() == Code::NotFound { ErrorResponse::no_entity(id) } else { status.into() }
}

fn shown(entity: &Entity) -> Value {
    let wallet = wallet_of(&entity.tenant).unwrap_or_else(|| Uuid::nil().to_string());
    json!({
        "kind": "Entity",
        "self": format!("{BASE}/iam/entities/{}", entity.id),
        "id": entity.id,
        "name": entity.name,
        "walletId": wallet,
        "createdAt": entity.created_at.as_ref().and_then(timestamp),
        "updatedAt": entity.updated_at.as_ref().and_then(timestamp),
    })
}
