//! `/multitenancy`: sub-wallets, each a tenant, and their tokens, each an API key of its tenant. For operators.

mod settings;
mod token;
mod webhooks;

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use entente_rpc::proto::access::v1::{
    CreateTenantRequest, DeleteTenantRequest, GetTenantRequest, ListTenantsRequest, Tenant,
    TenantState, UpdateTenantRequest,
};
use entente_rpc::{Code, DEFAULT_TENANT, ErrorReason, Failure, Status};
use prost_types::FieldMask;
use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::{Body, Page, Query};
use super::present;
use crate::gateway::Shared;
use settings::{Settings, record};

/// The most tenants looked through for the last ones.
const MAX_SCANNED: usize = 20_000;
/// The most tenants that the service gives at once.
const PAGE_SIZE: i32 = 1_000;

/// Whether a call is one of these.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix("/multitenancy").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `POST /multitenancy/wallet`.
pub(super) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    settings::check(&body)?;
    let settings = Settings::new(&body)?;
    let webhooks = webhooks::wanted(&shared, &body, &settings)?;
    let name = body.owned("wallet_name")?;
    let request = CreateTenantRequest {
        label: body.owned("label")?,
        settings: settings.stored(),
        name: name.clone(),
        ..CreateTenantRequest::default()
    };
    let made = shared.clients.tenants.clone().create_tenant(shared.request(request)?).await;
    let made = made.map_err(|status| match Failure::of(&status).reason {
        ErrorReason::AlreadyExists => {
            ApiError::bad_request(format!("Wallet with name {name} already exists"))
        }
        _ => status.into(),
    })?;
    let tenant = present(made.into_inner().tenant)?;
    let furnished = async {
        webhooks::set(&shared, &tenant.id, &webhooks, true).await?;
        token::create(&shared.naming(&tenant.id)).await
    };
    match furnished.await {
        Ok(token) => {
            let mut record = record(&tenant);
            if let Some(fields) = record.as_object_mut() {
                fields.insert("token".to_owned(), Value::from(token));
            }
            Ok(Json(record))
        }
        Err(error) => {
            // Nobody has a token for it.
            let request = shared.request(DeleteTenantRequest { id: tenant.id })?;
            let _ = shared.clients.tenants.clone().delete_tenant(request).await;
            Err(error)
        }
    }
}

/// `GET /multitenancy/wallet/{wallet_id}`.
pub(super) async fn fetch(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(record(&find(&shared, &id).await?)))
}

/// `PUT /multitenancy/wallet/{wallet_id}`: what is given changes, and the rest stays.
pub(super) async fn update(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    settings::check(&body)?;
    if !settings::changes(&body) {
        return Err(ApiError::bad_request("At least one parameter is required"));
    }
    let mut tenant = find(&shared, &id).await?;
    let mut settings = Settings::of(&tenant);
    let before = settings.clone();
    settings.update(&body)?;
    let keys = body.has("wallet_webhook_urls");
    if keys || settings.webhooks() != before.webhooks() {
        let webhooks = webhooks::wanted(&shared, &body, &settings)?;
        webhooks::set(&shared, &id, &webhooks, keys).await?;
    }
    tenant.settings.extend(settings.stored());
    let mut paths = vec!["settings".to_owned()];
    if let Some(label) = body.text("label")? {
        label.clone_into(&mut tenant.label);
        paths.push("label".to_owned());
    }
    let update_mask = Some(FieldMask { paths });
    let request = shared.request(UpdateTenantRequest { tenant: Some(tenant), update_mask })?;
    let answer = shared.clients.tenants.clone().update_tenant(request).await;
    let answer = answer.map_err(|status| unknown(status, &id))?.into_inner();
    Ok(Json(record(&present(answer.tenant)?)))
}

/// `POST /multitenancy/wallet/{wallet_id}/remove`, and `DELETE /multitenancy/wallet/{wallet_id}`.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    find(&shared, &id).await?;
    let request = shared.request(DeleteTenantRequest { id: id.clone() })?;
    let deleted = shared.clients.tenants.clone().delete_tenant(request).await;
    deleted.map_err(|status| unknown(status, &id))?;
    shared.webhooks_changed.notify_one();
    Ok(Json(json!({})))
}

/// `POST /multitenancy/wallet/{wallet_id}/token`: a new one; those before end.
pub(super) async fn create_token(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    find(&shared, &id).await?;
    let token = token::renew(&shared.naming(&id)).await?;
    Ok(Json(json!({ "token": token })))
}

/// `GET /multitenancy/wallets`: oldest first.
pub(super) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let page = query.page()?;
    let tenants = tenants(&shared, query.owned("wallet_name")?, &page).await?;
    let results: Vec<_> = tenants.iter().map(record).collect();
    Ok(Json(json!({ "results": results })))
}

async fn tenants(shared: &Shared, name: String, page: &Page) -> Result<Vec<Tenant>, ApiError> {
    let wanted = page.offset + page.limit;
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListTenantsRequest {
            page_size: PAGE_SIZE,
            page_token,
            name: name.clone(),
            ..ListTenantsRequest::default()
        };
        let request = shared.request(request)?;
        let answer = shared.clients.tenants.clone().list_tenants(request).await?.into_inner();
        found.extend(answer.tenants.into_iter().filter(is_sub_wallet));
        page_token = answer.next_page_token;
        if page_token.is_empty() || !page.descending && found.len() >= wanted {
            break;
        }
        if page.descending && found.len() > MAX_SCANNED {
            let text = format!("there are more than {MAX_SCANNED} wallets: list them ascending");
            return Err(ApiError::bad_request(text));
        }
    }
    if page.descending {
        found.reverse();
    }
    Ok(found.into_iter().skip(page.offset).take(page.limit).collect())
}

/// A sub-wallet; neither the base wallet nor one that is being deleted.
async fn find(shared: &Shared, id: &str) -> Result<Tenant, ApiError> {
    let request = shared.request(GetTenantRequest { id: id.to_owned() })?;
    let answer = shared.clients.tenants.clone().get_tenant(request).await;
    let tenant = present(answer.map_err(|status| unknown(status, id))?.into_inner().tenant)?;
    if is_sub_wallet(&tenant) { Ok(tenant) } else { Err(not_found(id)) }
}

fn is_sub_wallet(tenant: &Tenant) -> bool {
    tenant.id != DEFAULT_TENANT && tenant.state() != TenantState::Deleting
}

fn unknown(status: Status, id: &str) -> ApiError {
    if status.code() == Code::NotFound { not_found(id) } else { status.into() }
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Record not found: wallet_record/{id}"))
}
