//! `/wallets`: each is a tenant, by a UUID. For operators; others see their own.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::http::StatusCode;
use entente_rpc::proto::access::v1::{
    CreateTenantRequest, GetTenantRequest, ListTenantsRequest, Tenant, TenantState,
};
use entente_rpc::{Code, DEFAULT_TENANT};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::ErrorResponse;
use super::fields::{Body, Id, Page};
use super::{pages, present};
use crate::acapy::records::timestamp;
use crate::gateway::Shared;

/// The tenant's setting that has the wallet's name.
const NAME: &str = "identus.name";
/// The most tenants that the service gives at once.
const PAGE_SIZE: i32 = 1_000;

/// `POST /wallets`.
pub(super) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ErrorResponse> {
    let name = body.name()?;
    let id = body.uuid("id")?;
    if body.text("seed")?.is_some() {
        let text = "seed: keys are drawn at random here, and follow from no seed; leave it out";
        return Err(ErrorResponse::invalid(&[text.to_owned()]));
    }
    let id = match id {
        Some(id) if id.is_nil() => return Err(ErrorResponse::duplicated_wallet(&id.to_string())),
        Some(id) => id.to_string(),
        None => String::new(),
    };
    let settings = [(NAME.to_owned(), name)].into();
    let request =
        CreateTenantRequest { id: id.clone(), settings, ..CreateTenantRequest::default() };
    let made = shared.clients.tenants.clone().create_tenant(shared.request(request)?).await;
    let made = made.map_err(|status| match status.code() {
        Code::AlreadyExists => ErrorResponse::duplicated_wallet(&id),
        _ => status.into(),
    })?;
    let tenant = present(made.into_inner().tenant)?;
    let wallet =
        shown(&tenant).ok_or_else(|| ErrorResponse::internal("a wallet without a UUID"))?;
    Ok((StatusCode::CREATED, Json(wallet)))
}

/// `GET /wallets/{id}`.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<Json<Value>, ErrorResponse> {
    let request = shared.request(GetTenantRequest { id: tenant_of(&id) })?;
    let answer = shared.clients.tenants.clone().get_tenant(request).await;
    let answer = answer.map_err(|status| match status.code() {
        Code::NotFound => ErrorResponse::no_wallet(&id),
        _ => status.into(),
    })?;
    let tenant = present(answer.into_inner().tenant)?;
    shown(&tenant).map(Json).ok_or_else(|| ErrorResponse::no_wallet(&id))
}

/// `GET /wallets`: those tenants whose id is a UUID, and the default one, in the order of their ids.
pub(super) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    page: Page,
) -> Result<Json<Value>, ErrorResponse> {
    let size = |number: i32| usize::try_from(number).unwrap_or_default();
    let (offset, limit) = (size(page.offset), size(page.limit));
    if !shared.is_an_operators() {
        let request =
            shared.request(GetTenantRequest { id: shared.behalf().tenant().to_owned() })?;
        let own = shared.clients.tenants.clone().get_tenant(request).await?.into_inner().tenant;
        let contents = own.iter().filter_map(shown).skip(offset).take(limit).collect();
        return Ok(Json(pages::shown("wallets", "WalletPage", &page, contents, false)));
    }
    let (mut wallets, mut page_token) = (Vec::new(), String::new());
    while wallets.len() <= offset + limit {
        let request = ListTenantsRequest {
            page_size: PAGE_SIZE,
            page_token,
            ..ListTenantsRequest::default()
        };
        let request = shared.request(request)?;
        let answer = shared.clients.tenants.clone().list_tenants(request).await?.into_inner();
        wallets.extend(answer.tenants.iter().filter_map(shown));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let more = wallets.len() > offset + limit;
    let contents = wallets.into_iter().skip(offset).take(limit).collect();
    Ok(Json(pages::shown("wallets", "WalletPage", &page, contents, more)))
}

/// The tenant of a wallet: the Cloud Agent's default wallet has the nil UUID.
pub(super) fn tenant_of(wallet: &str) -> String {
    let nil = Uuid::parse_str(wallet).is_ok_and(|id| id.is_nil());
    if nil { DEFAULT_TENANT.to_owned() } else { wallet.to_owned() }
}

/// The wallet of a tenant; `None` for one that has another kind of id.
pub(super) fn wallet_of(tenant: &str) -> Option<String> {
    if tenant == DEFAULT_TENANT {
        return Some(Uuid::nil().to_string());
    }
    Uuid::parse_str(tenant).ok().map(|_| tenant.to_owned())
}

/// A wallet, unless it is being deleted.
fn shown(tenant: &Tenant) -> Option<Value> {
    let id = wallet_of(&tenant.id).filter(|_| tenant.state() != TenantState::Deleting)?;
    let named = [tenant.settings.get(NAME), Some(&tenant.name), Some(&tenant.label)];
    let name = named.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or(&tenant.id);
    Some(json!({
        "id": id,
        "name": name,
        "createdAt": tenant.created_at.as_ref().and_then(timestamp),
        "updatedAt": tenant.updated_at.as_ref().and_then(timestamp),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_is_a_tenant_with_a_uuid() {
        let id = "1893e207-4cba-4792-8179-067c78d2acc2";
        let nil = "00000000-0000-0000-0000-000000000000";
        assert_eq!((tenant_of(id), tenant_of(nil)), (id.to_owned(), "default".to_owned()));
        assert_eq!(wallet_of("default").as_deref(), Some(nil));
        assert_eq!((wallet_of(id).as_deref(), wallet_of("acme")), (Some(id), None));
        let mut tenant = Tenant { id: id.to_owned(), state: 1, ..Tenant::default() };
        assert_eq!(shown(&tenant).unwrap()["name"], id);
        tenant.settings = [(NAME.to_owned(), "mine".to_owned())].into();
        assert_eq!(shown(&tenant).unwrap()["name"], "mine");
        tenant.set_state(TenantState::Deleting);
        assert_eq!(shown(&tenant), None);
    }
}
