//! What peers reach. A message has its 2xx only after its effect is committed.

mod body;
mod flood;
mod inbound;
mod media_type;
mod page;
mod post;
mod quiet;
mod short;
mod socket;

pub(crate) use flood::Flood;
pub(crate) use quiet::Alarm;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use entente_didcomm::out_of_band::short_id;
use entente_rpc::auth::Peer;

use crate::gateway::Shared;
use crate::observe;

/// Any path is taken: what is in front of us may have routed by it.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let methods = || get(look).merge(post(post::receive)).fallback(method_not_allowed);
    Router::new()
        .route("/", methods())
        .route("/{*path}", methods())
        .layer(middleware::from_fn_with_state(shared.clone(), flood::limit))
        .layer(middleware::from_fn_with_state((shared.clone(), "didcomm"), observe::observe))
        .with_state(shared)
}

/// A GET: a WebSocket, or a browser with an invitation's URL.
async fn look(
    State(shared): State<Arc<Shared>>,
    peer: Option<Extension<Peer>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match upgrade {
        Ok(upgrade) => {
            let from = shared.address(&headers, peer.as_deref());
            socket::accept(shared, upgrade, from)
        }
        Err(rejection) if headers.contains_key(header::UPGRADE) => rejection.into_response(),
        Err(_) => match short_id(uri.path()) {
            Some(id) => short::lead(&shared, id, &headers).await,
            None => page::show(&shared.config.endpoint, &uri, &headers),
        },
    }
}

async fn method_not_allowed() -> Response {
    (
        StatusCode::METHOD_NOT_ALLOWED,
        [(header::ALLOW, "GET, HEAD, POST")],
        "POST an envelope, or open a WebSocket\n",
    )
        .into_response()
}
