//! The dialect of the Identus Cloud Agent's connections API (OpenAPI 2.2): the same paths, bodies, fields, states, errors
//! and webhooks, under `/cloud-agent`. Where the Cloud Agent is in error, or has what this suite has not, `IDENTUS.md`
//! lists the difference.

mod connections;
mod entities;
mod error;
pub(crate) mod events;
mod fields;
mod invitations;
mod pages;
mod records;
mod system;
mod wallets;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};

use entente_rpc::{Failure, Status};

use crate::gateway::Shared;
use error::ErrorResponse;

/// Where the dialect is; the Cloud Agent's own documentation has this prefix.
const BASE: &str = "/cloud-agent";

/// The routes, with what answers `/_system/metrics`.
pub(crate) fn router(metrics: axum::routing::MethodRouter<Arc<Shared>>) -> Router<Arc<Shared>> {
    let routes = Router::new()
        .route("/connections", get(connections::list::list).post(connections::create))
        .route("/connections/{id}", get(connections::fetch).delete(connections::remove))
        .route("/connection-invitations", post(connections::accept::accept))
        .route("/events/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/events/webhooks/{id}", delete(webhooks::remove))
        .route("/wallets", get(wallets::list).post(wallets::create))
        .route("/wallets/{id}", get(wallets::fetch))
        .route("/iam/entities", get(entities::list).post(entities::create))
        .route("/iam/entities/{id}", get(entities::fetch).delete(entities::remove))
        .route("/iam/entities/{id}/name", put(entities::rename))
        .route("/iam/entities/{id}/walletId", put(entities::assign))
        .route("/iam/apikey-authentication", post(entities::add_key).delete(entities::remove_key))
        .route("/_system/health", get(system::health))
        .route("/_system/metrics", metrics)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    Router::new().nest(BASE, routes)
}

/// Whether a call is one of this dialect.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a call reads wallets: operators all, others their own.
pub(crate) fn reads_wallets(method: &Method, path: &str) -> bool {
    let rest = path.strip_prefix(BASE).and_then(|rest| rest.strip_prefix("/wallets"));
    method == Method::GET && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a call keeps wallets and entities, which is for operators.
pub(crate) fn is_administration(path: &str) -> bool {
    let rest = path.strip_prefix(BASE).unwrap_or_default();
    ["/wallets", "/iam"].iter().any(|part| {
        rest.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a call needs no key: probes have none.
pub(crate) fn is_open(path: &str) -> bool {
    path.strip_prefix(BASE) == Some("/_system/health")
}

/// The answer to a caller who is not let in.
pub(crate) fn refused(failure: Failure) -> Response {
    ErrorResponse::from(Status::from(failure)).into_response()
}

// The path comes without the base.
async fn not_found(uri: Uri) -> ErrorResponse {
    ErrorResponse::path_not_found(&format!("there is no {BASE}{}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> ErrorResponse {
    ErrorResponse::method_not_allowed(&format!("{BASE}{} does not take {method}", uri.path()))
}

/// A record that an answer must have.
fn present<T>(record: Option<T>) -> Result<T, ErrorResponse> {
    record.ok_or_else(|| ErrorResponse::internal("an answer without its record"))
}
