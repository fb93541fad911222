//! What the owner reaches: authentication, then the dialect.

mod credential;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use entente_rpc::auth::Peer;
use entente_rpc::{Code, ErrorReason, Failure};

use crate::gateway::Shared;
use crate::{acapy, caller, graphql, identus, observe};
use credential::Shown;

/// The largest body of a call, in bytes; ACA-Py's default too.
const MAX_BODY: usize = 1024 * 1024;
/// Open to probes, which have no key.
const OPEN: [&str; 2] = ["/status/live", "/status/ready"];
/// Tell of the whole process.
const METRICS: [&str; 2] = ["/metrics", "/cloud-agent/_system/metrics"];
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
        .merge(graphql::router())
        .merge(identus::router(get(metrics)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(shared.clone(), authenticate))
        .layer(middleware::from_fn_with_state((shared.clone(), "admin"), observe::observe))
        .with_state(shared)
}

/// Finds out who calls. What goes on works on the caller's behalf; on nobody's where the caller shows itself later.
async fn authenticate(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = &*request.uri().path().trim_end_matches('/').to_owned();
    if OPEN.contains(&path) || identus::is_open(path) {
        return next.run(request).await;
    }
    let later = path == SOCKET || path == graphql::PATH && request.method() == Method::GET;
    let reads_wallets = identus::reads_wallets(request.method(), path);
    let only_operators = METRICS.contains(&path);
    let callers = &shared.config.callers;
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    let address = callers.address(request.headers(), &peer);
    let identity = callers.identity(request.headers_mut(), &peer);
    let shown = Shown::of(path, request.headers());
    let mut behalf = caller::of(&request, shown.key, address);
    let beside = match shown.beside {
        Some(beside) => callers.identify(Some(beside), address).await.map(drop),
        None => Ok(()),
    };
    let identified = match beside {
        Ok(()) => callers.prove(identity, shown.key, address).await,
        Err(wrong) => Err(wrong),
    };
    match identified {
        Ok(principal) => {
            let operator = caller::is_operator(&principal);
            behalf.principal = Some(principal);
            let problem = match () {
                () if shown.misplaced => {
                    Some("the key of an operator opens no wallet: send a tenant's as apikey")
                }
                () if operator => None,
                () if reads_wallets && !shown.administers => None,
                () if only_operators => {
                    Some("the metrics tell of all tenants: they are for operators")
                }
                () if acapy::multitenancy::owns(path) => Some("API Key invalid or missing"),
                () if identus::is_administration(path) => Some(
                    "the role of a tenant is not permitted: send an operator's key as x-admin-api-key",
                ),
                () => None,
            };
            if let Some(text) = problem {
                let failure = Failure::new(ErrorReason::PermissionDenied, text);
                callers.refused(&failure, &behalf, path);
                return refused(path, failure);
            }
        }
        Err(_) if later => {}
        Err(failure) => {
            callers.refused(&failure, &behalf, path);
            return refused(path, failure);
        }
    }
    request.extensions_mut().insert(shared.on_behalf(behalf));
    next.run(request).await
}

/// The answer to a caller who is not let in, as its dialect tells it.
fn refused(path: &str, failure: Failure) -> Response {
    let unknown = failure.code() == Code::Unauthenticated;
    if identus::owns(path) {
        return identus::refused(failure);
    }
    // ACA-Py's answer to who may not keep sub-wallets.
    let failure = match failure.code() {
        Code::PermissionDenied if acapy::multitenancy::owns(path) => {
            Failure::new(ErrorReason::Unauthenticated, failure.message)
        }
        _ => failure,
    };
    let mut response = acapy::refused(failure);
    if unknown {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}

async fn not_found(uri: Uri) -> Response {
    (StatusCode::NOT_FOUND, format!("404: there is no {}.", uri.path())).into_response()
}

async fn method_not_allowed(uri: Uri) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, format!("405: {} does not take this method.", uri.path()))
        .into_response()
}
