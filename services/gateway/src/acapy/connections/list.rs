use std::sync::Arc;

use axum::Extension;
use axum::Json;
use entente_rpc::proto::connection::v1::{
    Exchange, ExchangeState, ListConnectionsRequest, ListExchangesRequest, Role,
};
use serde_json::{Value, json};

use crate::acapy::error::ApiError;
use crate::acapy::fields::{Fields, Page, Query};
use crate::acapy::records::{self, parse_role, parse_state};
use crate::gateway::Shared;

/// The most rows that the service gives at once.
const PAGE_SIZE: usize = 1000;
/// The most rows looked at for a filter that the service does not know.
const MAX_SCANNED: usize = 20_000;
const STATES: &str = "Must be one of: abandoned, active, completed, error, init, invitation, request, response, start.";
const ROLES: &str = "Must be one of: inviter, invitee, requester, responder.";

/// `GET /connections`: the connections that no handshake made, then handshakes and the connections that they made.
pub(in crate::acapy) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let page = query.page()?;
    let Some(first) = request(&query)? else {
        return Ok(Json(json!({"results": []})));
    };
    let after = PostFilter::of(&query)?;
    let (mut results, skipped) = match agreed(&first, &after) {
        Some(request) => static_connections(&shared, request, &page).await?,
        None => (Vec::new(), 0),
    };
    let page = Page { limit: page.limit - results.len(), offset: page.offset - skipped, ..page };
    if page.limit > 0 {
        let exchanges = if after.is_empty() {
            pages(&shared, first, &page).await?
        } else {
            scan(&shared, first, &page, &after).await?
        };
        results.extend(exchanges.iter().map(|exchange| records::connection(exchange, None)));
    }
    Ok(Json(json!({"results": results})))
}

/// The filters that the service knows; `None` when nothing can match.
fn request(query: &Fields) -> Result<Option<ListExchangesRequest>, ApiError> {
    let mut request = ListExchangesRequest {
        invitation_id: query.owned("invitation_msg_id")?,
        alias: query.owned("alias")?,
        my_did: query.owned("my_did")?,
        their_did: query.owned("their_did")?,
        invitation_key: query.owned("invitation_key")?,
        ..ListExchangesRequest::default()
    };
    let mut roles = Vec::new();
    if let Some(text) = query.filter("their_role")? {
        roles.push(parse_role(text).ok_or_else(|| query.invalid("their_role", ROLES))?);
    }
    if let Some(text) = query.filter("state")? {
        let filter = parse_state(text).ok_or_else(|| query.invalid("state", STATES))?;
        let Some(state) = filter.state else { return Ok(None) };
        request.set_state(state);
        roles.extend(filter.role);
    }
    match *roles.as_slice() {
        [one, other] if one != other => return Ok(None),
        [role, ..] => request.set_role(role),
        [] => {}
    }
    Ok(Some(request))
}

/// The filters that are applied to what the service gives.
struct PostFilter<'a> {
    protocol: Option<&'a str>,
    public_did: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> PostFilter<'a> {
    fn of(query: &'a Fields) -> Result<Self, ApiError> {
        let protocols = ["connections/1.0", "didexchange/1.0", "didexchange/1.1"];
        Ok(Self {
            protocol: query.one_of("connection_protocol", &protocols)?,
            public_did: query.filter("their_public_did")?,
            request_id: query.filter("request_id")?,
        })
    }

    fn is_empty(&self) -> bool {
        self.protocol.is_none() && self.public_did.is_none() && self.request_id.is_none()
    }

    fn matches(&self, exchange: &Exchange) -> bool {
        let public = || exchange.role() == Role::Invitee && !exchange.invitation_did.is_empty();
        self.protocol.is_none_or(|name| records::speaks(exchange, name))
            && self.request_id.is_none_or(|id| exchange.thread_id == id)
            && self
                .public_did
                .is_none_or(|did| public() && records::same_did(&exchange.invitation_did, did))
    }
}

/// The same filters for static connections; `None` when none can match.
fn agreed(
    request: &ListExchangesRequest,
    after: &PostFilter<'_>,
) -> Option<ListConnectionsRequest> {
    let active = matches!(request.state(), ExchangeState::Unspecified | ExchangeState::Done);
    let invited = !request.invitation_id.is_empty() || !request.invitation_key.is_empty();
    let possible = active
        && !invited
        && request.role() == Role::Unspecified
        && after.protocol.is_none_or(|name| name == records::STATIC_PROTOCOL)
        && after.public_did.is_none()
        && after.request_id.is_none();
    possible.then(|| ListConnectionsRequest {
        alias: request.alias.clone(),
        my_did: request.my_did.clone(),
        their_did: request.their_did.clone(),
        static_only: true,
        ..ListConnectionsRequest::default()
    })
}

/// The part of the page that static connections fill, and how much of its offset they take.
async fn static_connections(
    shared: &Shared,
    mut request: ListConnectionsRequest,
    page: &Page,
) -> Result<(Vec<Value>, usize), ApiError> {
    let (mut found, end) = (Vec::new(), page.offset + page.limit);
    loop {
        request.page_size = i32::try_from(PAGE_SIZE.min(end - found.len())).unwrap_or_default();
        let call = shared.request(request.clone())?;
        let answer = shared.clients.connections.clone().list_connections(call).await?.into_inner();
        found.extend(answer.connections.iter().map(records::connection_of));
        request.page_token = answer.next_page_token;
        if found.len() >= end || request.page_token.is_empty() {
            let skipped = found.len().min(page.offset);
            return Ok((found.into_iter().skip(skipped).take(page.limit).collect(), skipped));
        }
    }
}

/// The page, from the service's pages.
async fn pages(
    shared: &Shared,
    filter: ListExchangesRequest,
    page: &Page,
) -> Result<Vec<Exchange>, ApiError> {
    let mut found = Vec::new();
    let mut request = ListExchangesRequest {
        offset: i32::try_from(page.offset).unwrap_or(i32::MAX),
        descending: page.descending,
        ..filter
    };
    loop {
        request.page_size =
            i32::try_from(PAGE_SIZE.min(page.limit - found.len())).unwrap_or_default();
        let answer = shared
            .clients
            .exchanges
            .clone()
            .list_exchanges(shared.request(request.clone())?)
            .await?;
        let answer = answer.into_inner();
        found.extend(answer.exchanges);
        request.page_token = answer.next_page_token;
        if found.len() >= page.limit || request.page_token.is_empty() {
            found.truncate(page.limit);
            return Ok(found);
        }
    }
}

/// The page of those that match, from all that the service has, up to a bound.
async fn scan(
    shared: &Shared,
    filter: ListExchangesRequest,
    page: &Page,
    after: &PostFilter<'_>,
) -> Result<Vec<Exchange>, ApiError> {
    let (mut found, mut scanned, mut skipped) = (Vec::new(), 0, 0);
    let mut request = ListExchangesRequest {
        page_size: i32::try_from(PAGE_SIZE).unwrap_or_default(),
        descending: page.descending,
        ..filter
    };
    loop {
        let answer = shared
            .clients
            .exchanges
            .clone()
            .list_exchanges(shared.request(request.clone())?)
            .await?;
        let answer = answer.into_inner();
        scanned += answer.exchanges.len();
        for exchange in answer.exchanges.into_iter().filter(|exchange| after.matches(exchange)) {
            if skipped < page.offset {
                skipped += 1;
            } else if found.len() < page.limit {
                found.push(exchange);
            }
        }
        request.page_token = answer.next_page_token;
        if found.len() >= page.limit || request.page_token.is_empty() {
            return Ok(found);
        }
        if scanned >= MAX_SCANNED {
            return Err(ApiError::bad_request(
                "too many connections to search for connection_protocol, their_public_did or request_id; add a filter",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use entente_rpc::proto::connection::v1::HandshakeProtocol;

    use super::*;

    fn filter(text: &str) -> Result<Option<ListExchangesRequest>, ApiError> {
        request(&Fields::query(text))
    }

    #[test]
    fn filters_are_translated() {
        let request = filter("state=request-sent&alias=Bob&invitation_key=8HH5&my_did=&extra=1")
            .unwrap()
            .unwrap();
        assert_eq!((request.state(), request.role()), (ExchangeState::Request, Role::Invitee));
        assert_eq!((request.alias.as_str(), request.invitation_key.as_str()), ("Bob", "8HH5"));
        let request = filter("state=completed&their_role=inviter").unwrap().unwrap();
        assert_eq!((request.state(), request.role()), (ExchangeState::Done, Role::Invitee));
        assert_eq!(filter("state=start").unwrap(), None);
        assert_eq!(filter("state=request-sent&their_role=invitee").unwrap(), None);
        assert_eq!(filter("state=deleted").unwrap_err().status(), 422);
        assert_eq!(filter("their_role=friend").unwrap_err().status(), 422);
    }

    #[test]
    fn static_connections_match_no_filter_of_a_handshake() {
        let of = |text: &str| {
            let query = Fields::query(text);
            agreed(&request(&query).unwrap().unwrap(), &PostFilter::of(&query).unwrap())
        };
        for text in ["", "state=active", "state=completed", "alias=Bob&my_did=x&their_did=y"] {
            assert!(of(text).unwrap().static_only, "{text}");
        }
        assert_eq!(of("alias=Bob").unwrap().alias, "Bob");
        for text in [
            "state=request",
            "their_role=inviter",
            "invitation_msg_id=1",
            "request_id=1",
            "invitation_key=8HH5",
            "their_public_did=did:a:b",
            "connection_protocol=connections/1.0",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn other_filters_are_applied_afterwards() {
        let exchange = Exchange {
            role: Role::Invitee.into(),
            protocol: HandshakeProtocol::Didexchange10.into(),
            thread_id: "t1".into(),
            invitation_did: "did:peer:2.Ez6L".into(),
            ..Exchange::default()
        };
        for (text, expected) in [
            ("connection_protocol=didexchange/1.0", true),
            ("connection_protocol=didexchange/1.1", false),
            ("request_id=t1&their_public_did=did:peer:2.Ez6L", true),
            ("request_id=t2", false),
            ("their_public_did=did:peer:2.Other", false),
        ] {
            let query = Fields::query(text);
            assert_eq!(PostFilter::of(&query).unwrap().matches(&exchange), expected, "{text}");
        }
        assert!(PostFilter::of(&Fields::query("connection_protocol=x")).is_err());
    }
}
