use std::sync::Arc;

use axum::Extension;
use axum::Json;
use entente_rpc::proto::connection::v1::ListExchangesRequest;
use serde_json::Value;

use super::Origins;
use crate::gateway::Shared;
use crate::identus::error::ErrorResponse;
use crate::identus::fields::Page;
use crate::identus::pages;
use crate::identus::records::{self, Delivery};

/// `GET /connections`: oldest first, whatever protocol made them.
pub(in crate::identus) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    page: Page,
) -> Result<Json<Value>, ErrorResponse> {
    let request = ListExchangesRequest {
        page_size: page.limit,
        offset: page.offset,
        invitation_id: page.thread_id.clone().unwrap_or_default(),
        ..ListExchangesRequest::default()
    };
    let request = shared.request(request)?;
    let answer = shared.clients.exchanges.clone().list_exchanges(request).await?.into_inner();
    let origins = Origins::of(&shared, &answer.exchanges).await?;
    let endpoint = &shared.config.endpoint;
    let contents: Vec<_> = answer
        .exchanges
        .iter()
        .map(|exchange| {
            let origin = origins.origin(exchange);
            records::connection(exchange, None, origin, Delivery::AsRecorded, endpoint)
        })
        .collect();
    let more = !answer.next_page_token.is_empty();
    Ok(Json(pages::shown("connections", "ConnectionsPage", &page, contents, more)))
}
