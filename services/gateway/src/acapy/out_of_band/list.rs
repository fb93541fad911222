use std::sync::Arc;

use axum::Extension;
use axum::Json;
use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    Acceptance, GetExchangeRequest, Invitation, ListAcceptancesRequest, ListInvitationsRequest,
    Role,
};
use serde_json::{Value, json};

use super::invitation;
use crate::acapy::error::ApiError;
use crate::acapy::fields::{Fields, Page, Query};
use crate::acapy::{present, records};
use crate::gateway::Shared;

/// Rows asked for at once.
const PAGE_SIZE: i32 = 1000;
const STATES: [&str; 7] = [
    "initial",
    "prepare-response",
    "await-response",
    "reuse-not-accepted",
    "reuse-accepted",
    "done",
    "deleted",
];

/// `GET /out-of-band/records`: the invitations that we made, then those that we received, each oldest first.
pub(in crate::acapy) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let page = query.page()?;
    if page.descending {
        return Err(ApiError::bad_request(
            "descending: out-of-band records are listed oldest first only",
        ));
    }
    let filter = Filter::of(&query)?;
    let mut wanted = Wanted { page, state: filter.state.clone(), seen: 0, results: Vec::new() };
    if filter.role != Some("receiver") {
        sent(&shared, &filter, &mut wanted).await?;
    }
    if filter.role != Some("sender") && !wanted.full() {
        received(&shared, &filter, &mut wanted).await?;
    }
    Ok(Json(json!({"results": wanted.results})))
}

struct Filter<'a> {
    state: Option<String>,
    role: Option<&'a str>,
    connection_id: Option<&'a str>,
    invitation_id: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Fields) -> Result<Self, ApiError> {
        Ok(Self {
            state: query.one_of("state", &STATES)?.map(str::to_owned),
            role: query.one_of("role", &["sender", "receiver"])?,
            connection_id: query.filter("connection_id")?,
            invitation_id: query.filter("invi_msg_id")?,
        })
    }
}

/// The part of the list that was asked for, as it fills.
struct Wanted {
    page: Page,
    state: Option<String>,
    seen: usize,
    results: Vec<Value>,
}

impl Wanted {
    fn full(&self) -> bool {
        self.results.len() >= self.page.limit
    }

    fn add(&mut self, record: Value) {
        let matches = self
            .state
            .as_deref()
            .is_none_or(|state| record.get("state").is_some_and(|s| s == state));
        if !matches || self.full() {
            return;
        }
        self.seen += 1;
        if self.seen > self.page.offset {
            self.results.push(record);
        }
    }
}

async fn sent(shared: &Shared, filter: &Filter<'_>, wanted: &mut Wanted) -> Result<(), ApiError> {
    if filter.invitation_id.is_some() || filter.connection_id.is_some() {
        if let Some(invitation) = named(shared, filter).await? {
            wanted.add(records::sent(&invitation));
        }
        return Ok(());
    }
    let mut page_token = String::new();
    loop {
        let request = ListInvitationsRequest {
            page_size: PAGE_SIZE,
            page_token,
            ..ListInvitationsRequest::default()
        };
        let request = shared.request(request)?;
        let answer =
            shared.clients.invitations.clone().list_invitations(request).await?.into_inner();
        answer.invitations.iter().for_each(|invitation| wanted.add(records::sent(invitation)));
        page_token = answer.next_page_token;
        if page_token.is_empty() || wanted.full() {
            return Ok(());
        }
    }
}

/// The invitation that the filter names by its id or by the exchange that waits for its request.
async fn named(shared: &Shared, filter: &Filter<'_>) -> Result<Option<Invitation>, ApiError> {
    let id = match (filter.invitation_id, filter.connection_id) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(id)) => {
            let request = shared.request(GetExchangeRequest { id: id.to_owned() })?;
            match shared.clients.exchanges.clone().get_exchange(request).await {
                Ok(answer) => Some(present(answer.into_inner().exchange)?)
                    .filter(|exchange| exchange.role() == Role::Inviter)
                    .map(|exchange| exchange.invitation_id),
                Err(status) if status.code() == Code::NotFound => None,
                Err(status) => return Err(status.into()),
            }
        }
        (None, None) => None,
    };
    let Some(id) = id else { return Ok(None) };
    let invitation = invitation(shared, &id).await?;
    Ok(invitation.filter(|found| filter.connection_id.is_none_or(|id| found.exchange_id == id)))
}

async fn received(
    shared: &Shared,
    filter: &Filter<'_>,
    wanted: &mut Wanted,
) -> Result<(), ApiError> {
    let mut page_token = String::new();
    loop {
        let request = ListAcceptancesRequest {
            page_size: PAGE_SIZE,
            page_token,
            invitation_id: filter.invitation_id.unwrap_or_default().to_owned(),
            connection_id: filter.connection_id.unwrap_or_default().to_owned(),
            ..ListAcceptancesRequest::default()
        };
        let request = shared.request(request)?;
        let answer =
            shared.clients.invitations.clone().list_acceptances(request).await?.into_inner();
        let invited = |acceptance: &&Acceptance| !records::is_implicit(&acceptance.invitation_id);
        let received = answer.acceptances.iter().filter(invited);
        received.for_each(|acceptance| wanted.add(records::received(acceptance)));
        page_token = answer.next_page_token;
        if page_token.is_empty() || wanted.full() {
            return Ok(());
        }
    }
}
