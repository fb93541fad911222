//! Short URLs of our invitations (RFC 0434, "URL Shortening").

use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::{FindInvitationRequest, FindInvitationResponse};
use entente_rpc::{Code, DEFAULT_TENANT, Status};

use super::page::{lead_to, respond, wants_json};
use super::post::try_again;
use crate::gateway::Shared;

/// Gives the invitation to who asks for JSON, and sends others on to the URL that carries it.
pub(super) async fn lead(shared: &Shared, id: &str, headers: &HeaderMap) -> Response {
    let Ok(_permit) = shared.in_flight.try_acquire() else {
        return try_again(Duration::from_secs(1), "too many requests are being handled");
    };
    let found = match find(shared, id).await {
        Ok(found) => found,
        // One answer for all of these: whoever guesses is not told that there was one.
        Err(status) if status.code() == Code::NotFound => {
            let text = "there is no such invitation, or it has ended\n";
            return (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], text).into_response();
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "a short URL could not be followed");
            return try_again(Duration::from_secs(1), "the invitation cannot be looked up now");
        }
    };
    match wants_json(headers) {
        true => respond("application/json; charset=utf-8", found.message_json),
        false => lead_to(&found.url),
    }
}

async fn find(shared: &Shared, id: &str) -> Result<FindInvitationResponse, Status> {
    // Of whichever tenant: the id says it.
    let request = for_tenant(DEFAULT_TENANT, FindInvitationRequest { short_id: id.to_owned() })?;
    Ok(shared.clients.inbound.clone().find_invitation(request).await?.into_inner())
}
