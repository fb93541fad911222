//! The dialect of ACA-Py's admin API (acapy-agent 1.7, and the routes of connections/1.0 that it had up to 0.12): the same
//! paths, queries, bodies, fields and statuses. Where ACA-Py is in error, or has what this suite has not, `ACAPY.md` lists the difference.

mod connections;
mod did_exchange;
mod error;
pub(crate) mod events;
mod fields;
mod messages;
pub(crate) mod multitenancy;
mod out_of_band;
pub(crate) mod records;
mod socket;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};

use entente_rpc::{Failure, Status};

use crate::gateway::Shared;
use connections::handshake;
use error::ApiError;

pub(crate) fn router() -> Router<Arc<Shared>> {
    let exchange = "/didexchange/{conn_id}";
    let wallet = "/multitenancy/wallet/{wallet_id}";
    Router::new()
        .route("/out-of-band/create-invitation", post(out_of_band::create::create))
        .route("/out-of-band/receive-invitation", post(out_of_band::receive::receive))
        .route("/out-of-band/records", get(out_of_band::list::list))
        .route("/out-of-band/invitations", get(out_of_band::fetch))
        .route("/out-of-band/invitations/{invi_msg_id}", delete(out_of_band::remove))
        .route("/connections", get(connections::list::list))
        .route("/connections/create-static", post(connections::agreed::create))
        .route("/connections/create-invitation", post(handshake::create_invitation))
        .route("/connections/receive-invitation", post(handshake::receive_invitation))
        .route("/connections/{conn_id}/accept-invitation", post(handshake::accept_invitation))
        .route("/connections/{conn_id}/accept-request", post(handshake::accept_request))
        .route("/connections/{conn_id}", get(connections::fetch).delete(connections::remove))
        .route(
            "/connections/{conn_id}/metadata",
            get(connections::metadata).post(connections::set_metadata),
        )
        .route("/connections/{conn_id}/endpoints", get(connections::endpoints))
        .route("/connections/{conn_id}/send-ping", post(messages::send_ping))
        .route("/connections/{conn_id}/send-message", post(messages::send_message))
        .route("/didexchange/create-request", post(did_exchange::create_request))
        .route("/didexchange/receive-request", post(did_exchange::receive_request))
        .route(&format!("{exchange}/accept-invitation"), post(did_exchange::accept_invitation))
        .route(&format!("{exchange}/accept-request"), post(did_exchange::accept_request))
        .route(&format!("{exchange}/reject"), post(did_exchange::reject))
        .route("/multitenancy/wallets", get(multitenancy::list))
        .route("/multitenancy/wallet", post(multitenancy::create))
        .route(
            wallet,
            get(multitenancy::fetch).put(multitenancy::update).delete(multitenancy::remove),
        )
        .route(&format!("{wallet}/remove"), post(multitenancy::remove))
        .route(&format!("{wallet}/token"), post(multitenancy::create_token))
        .route("/status", get(status::status))
        .route("/status/config", get(status::config))
        .route("/status/reset", post(status::reset))
        .route("/status/live", get(status::live))
        .route("/status/ready", get(status::ready))
        .route("/plugins", get(status::plugins))
        .route("/ws", get(socket::accept))
        .route("/shutdown", get(status::shutdown))
}

/// The answer to a caller who is not let in.
pub(crate) fn refused(failure: Failure) -> Response {
    ApiError::from(Status::from(failure)).into_response()
}

/// A record that an answer must have.
fn present<T>(record: Option<T>) -> Result<T, ApiError> {
    record.ok_or_else(|| ApiError::internal("an answer without its record"))
}
