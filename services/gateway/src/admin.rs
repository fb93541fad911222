//! What the owner reaches: authentication, then the dialect.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::gateway::Shared;
use crate::{acapy, graphql, identus, observe};

/// The largest body of a call, in bytes; ACA-Py's default too.
const MAX_BODY: usize = 1024 * 1024;
/// Open to probes, which have no key.
const OPEN: [&str; 2] = ["/status/live", "/status/ready"];
/// Authenticates by its first message where no header carries a key.
const SOCKET: &str = "/ws";

pub(crate) fn router(
    shared: Arc<Shared>,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Router {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    let metrics = async move || ([(header::CONTENT_TYPE, content_type)], metrics());
    Router::new()
        .route("/metrics", get(metrics.clone()))
        .merge(acapy::router())
        .merge(graphql::router(shared.clone()))
        .merge(identus::router(get(metrics)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(shared.clone(), authenticate))
        .layer(middleware::from_fn_with_state((shared.clone(), "admin"), observe::observe))
        .with_state(shared)
}

async fn authenticate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    let page = path == graphql::PATH && request.method() == Method::GET;
    let open = OPEN.contains(&path) || path == SOCKET || page || identus::is_open(path);
    if open || shared.config.admin_keys.allow_headers(request.headers()) {
        return next.run(request).await;
    }
    if identus::owns(path) {
        return identus::unauthenticated();
    }
    let text = "401: send the admin API key as X-API-Key, apikey or Authorization: Bearer.";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], text).into_response()
}

async fn not_found(uri: Uri) -> Response {
    (StatusCode::NOT_FOUND, format!("404: there is no {}.", uri.path())).into_response()
}

async fn method_not_allowed(uri: Uri) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, format!("405: {} does not take this method.", uri.path()))
        .into_response()
}
