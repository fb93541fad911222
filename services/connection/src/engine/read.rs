//! Reads, and the updates that are no more than one.

#[cfg(test)]
pub(super) mod tests;

use std::hash::Hash;

use entente_did::{Did, PublicKey};
use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::proto::event::v1::{EventKind, event::Record};
use entente_rpc::{Failure, time_from_proto};
use entente_store::page;
use prost_types::Timestamp;

use super::{Answer, Engine, check_metadata};
use crate::project;
use crate::store::{
    AcceptanceFilter, ConnectionFilter, ExchangeFilter, InvitationFilter, NewEvent, Page, Span,
};

/// How far into a list an offset may skip.
const MAX_OFFSET: i32 = 100_000;
/// The longest alias, in characters.
const MAX_ALIAS: usize = 256;
/// How many records may be asked for by name at once.
const MAX_BATCH: usize = 1000;

impl Engine {
    /// An invitation.
    pub async fn get_invitation(&self, tenant: &str, id: &str) -> Answer<pb::Invitation> {
        let row = self.store.invitation(tenant, id).await?;
        row.as_ref().map(project::invitation).ok_or_else(|| Failure::not_found("invitation", id))
    }

    /// Those of some invitations that exist.
    pub async fn batch_get_invitations(
        &self,
        tenant: &str,
        request: pb::BatchGetInvitationsRequest,
    ) -> Answer<pb::BatchGetInvitationsResponse> {
        at_most(MAX_BATCH, "ids", &request.ids)?;
        let rows = self.store.named_invitations(tenant, &request.ids).await?;
        let invitations = rows.iter().map(project::invitation).collect();
        Ok(pb::BatchGetInvitationsResponse { invitations })
    }

    /// The acceptances that began or follow some exchanges.
    pub async fn batch_get_acceptances(
        &self,
        tenant: &str,
        request: pb::BatchGetAcceptancesRequest,
    ) -> Answer<pb::BatchGetAcceptancesResponse> {
        at_most(MAX_BATCH, "exchange_ids", &request.exchange_ids)?;
        let rows = self.store.acceptances_of_exchanges(tenant, &request.exchange_ids).await?;
        let acceptances = rows.iter().map(project::acceptance).collect();
        Ok(pb::BatchGetAcceptancesResponse { acceptances })
    }

    /// A page of invitations.
    pub async fn list_invitations(
        &self,
        tenant: &str,
        request: pb::ListInvitationsRequest,
    ) -> Answer<pb::ListInvitationsResponse> {
        let state = known(request.state, "state", pb::InvitationState::try_from)?;
        let filter = InvitationFilter { state, alias: request.alias };
        let page = rows_of_page(request.page_size, &request.page_token, &filter)?;
        let rows = self.store.invitations(tenant, &filter, &page).await?;
        let mut invitations: Vec<_> = rows.iter().map(project::invitation).collect();
        let next_page_token =
            page::cut(&mut invitations, page.limit - 1, &filter, |record| record.id.clone());
        Ok(pb::ListInvitationsResponse { invitations, next_page_token })
    }

    /// An acceptance.
    pub async fn get_acceptance(&self, tenant: &str, id: &str) -> Answer<pb::Acceptance> {
        let row = self.store.acceptance(tenant, id).await?;
        row.as_ref().map(project::acceptance).ok_or_else(|| Failure::not_found("acceptance", id))
    }

    /// A page of acceptances.
    pub async fn list_acceptances(
        &self,
        tenant: &str,
        request: pb::ListAcceptancesRequest,
    ) -> Answer<pb::ListAcceptancesResponse> {
        let filter = AcceptanceFilter {
            state: known(request.state, "state", pb::AcceptanceState::try_from)?,
            invitation_id: request.invitation_id,
            connection_id: request.connection_id,
        };
        let page = rows_of_page(request.page_size, &request.page_token, &filter)?;
        let rows = self.store.acceptances(tenant, &filter, &page).await?;
        let mut acceptances: Vec<_> = rows.iter().map(project::acceptance).collect();
        let next_page_token =
            page::cut(&mut acceptances, page.limit - 1, &filter, |record| record.id.clone());
        Ok(pb::ListAcceptancesResponse { acceptances, next_page_token })
    }

    /// Removes an acceptance; what it led to stays.
    pub async fn delete_acceptance(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        if !work.delete_acceptance(id).await? {
            return Err(Failure::not_found("acceptance", id));
        }
        Ok(self.commit(work).await?)
    }

    /// A handshake, with the delivery of the message that is under way.
    pub async fn get_exchange(&self, tenant: &str, id: &str) -> Answer<pb::Exchange> {
        let mut found = self.store.exchange(tenant, id).await?;
        if found.is_none()
            && let Some(kept) = self.store.kept_id(tenant, id).await?
        {
            found = self.store.exchange(tenant, &kept).await?;
        }
        let row = found.ok_or_else(|| Failure::not_found("exchange", id))?;
        let delivery = self.store.delivery(tenant, &row.id).await?;
        Ok(project::exchange(&row, delivery.as_ref())?)
    }

    /// A page of handshakes. The offset counts from the first page; a page token has it behind it.
    pub async fn list_exchanges(
        &self,
        tenant: &str,
        request: pb::ListExchangesRequest,
    ) -> Answer<pb::ListExchangesResponse> {
        if !(0..=MAX_OFFSET).contains(&request.offset) {
            return Err(Failure::field(
                "offset",
                format!("must be from 0 to {MAX_OFFSET}; use page_token to go on"),
            ));
        }
        let filter = ExchangeFilter {
            state: known(request.state, "state", pb::ExchangeState::try_from)?,
            role: known(request.role, "role", pb::Role::try_from)?,
            invitation_id: request.invitation_id,
            alias: request.alias,
            my_did: canonical_did(request.my_did),
            their_did: canonical_did(request.their_did),
            invitation_key: canonical_key(request.invitation_key),
            created: span(request.created_from, request.created_before),
            updated: span(request.updated_from, request.updated_before),
            descending: request.descending,
        };
        let mut page = rows_of_page(request.page_size, &request.page_token, &filter)?;
        page.descending = filter.descending;
        if page.after.is_none() {
            page.offset = request.offset.into();
        }
        let rows = self.store.exchanges(tenant, &filter, &page).await?;
        // Only these wait for a message of theirs.
        let waiting = [pb::ExchangeState::Request, pb::ExchangeState::Response].map(i32::from);
        let lanes: Vec<_> = rows
            .iter()
            .filter(|row| waiting.contains(&row.state))
            .map(|row| row.id.clone())
            .collect();
        let deliveries = self.store.deliveries(tenant, &lanes).await?;
        let mut exchanges: Vec<_> = rows
            .iter()
            .map(|row| project::exchange(row, deliveries.get(&row.id)))
            .collect::<Result<_, _>>()?;
        let next_page_token =
            page::cut(&mut exchanges, page.limit - 1, &filter, |record| record.id.clone());
        Ok(pb::ListExchangesResponse { exchanges, next_page_token })
    }

    /// Changes the alias, of the connection too. What is as asked already makes no version and no event.
    pub async fn update_exchange(
        &self,
        tenant: &str,
        request: pb::UpdateExchangeRequest,
    ) -> Answer<pb::Exchange> {
        check_alias(request.alias.as_deref().unwrap_or_default())?;
        let mut work = self.work(tenant).await?;
        let mut found = work.exchange(&request.id).await?;
        if found.is_none()
            && let Some(kept) = work.kept_id(&request.id).await?
        {
            found = work.exchange(&kept).await?;
        }
        let mut row = found.ok_or_else(|| Failure::not_found("exchange", &request.id))?;
        let alias = request.alias.unwrap_or_else(|| row.alias.clone());
        if alias == row.alias {
            return Ok(project::exchange(&row, None)?);
        }
        row.alias = alias;
        row.version += 1;
        row.updated_at = work.now();
        work.update_exchange(&row);
        let exchange = project::exchange(&row, None)?;
        // No transition: the metrics do not count it.
        work.emit(NewEvent {
            kind: EventKind::ExchangeChanged,
            connection_id: row.id.clone(),
            invitation_id: row.invitation_id.clone(),
            record: Record::Exchange(exchange.clone()),
        });
        if let Some(mut connection) = work.connection(&row.id).await? {
            connection.alias.clone_from(&row.alias);
            work.update_connection(&mut connection);
            work.emit(self.connection_event(EventKind::ConnectionChanged, &connection)?);
        }
        self.commit(work).await?;
        Ok(exchange)
    }

    /// A connection.
    pub async fn get_connection(&self, tenant: &str, id: &str) -> Answer<pb::Connection> {
        let row = self
            .store
            .connection(tenant, id)
            .await?
            .ok_or_else(|| Failure::not_found("connection", id))?;
        Ok(project::connection(&row, &self.config.endpoint)?)
    }

    /// A page of connections.
    pub async fn list_connections(
        &self,
        tenant: &str,
        request: pb::ListConnectionsRequest,
    ) -> Answer<pb::ListConnectionsResponse> {
        let filter = ConnectionFilter {
            invitation_id: request.invitation_id,
            invitation_did: canonical_did(request.invitation_did),
            alias: request.alias,
            my_did: canonical_did(request.my_did),
            their_did: canonical_did(request.their_did),
            static_only: request.static_only,
        };
        let page = rows_of_page(request.page_size, &request.page_token, &filter)?;
        let rows = self.store.connections(tenant, &filter, &page).await?;
        let mut connections: Vec<_> = rows
            .iter()
            .map(|row| project::connection(row, &self.config.endpoint))
            .collect::<Result<_, _>>()?;
        let next_page_token =
            page::cut(&mut connections, page.limit - 1, &filter, |record| record.id.clone());
        Ok(pb::ListConnectionsResponse { connections, next_page_token })
    }

    /// Changes the alias or the metadata. What is as asked already makes no version and no event.
    pub async fn update_connection(
        &self,
        tenant: &str,
        request: pb::UpdateConnectionRequest,
    ) -> Answer<pb::Connection> {
        check_alias(request.alias.as_deref().unwrap_or_default())?;
        if let Some(metadata) = &request.metadata_json {
            check_metadata(metadata)?;
        }
        let mut work = self.work(tenant).await?;
        let found = work.connection(&request.id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("connection", &request.id))?;
        let alias = request.alias.unwrap_or_else(|| row.alias.clone());
        let metadata = request.metadata_json.unwrap_or_else(|| row.metadata.clone());
        if alias == row.alias && metadata == row.metadata {
            return Ok(project::connection(&row, &self.config.endpoint)?);
        }
        (row.alias, row.metadata) = (alias, metadata);
        work.update_connection(&mut row);
        work.rename_exchange(&row.id, &row.alias, &row.metadata);
        let connection = project::connection(&row, &self.config.endpoint)?;
        work.emit(NewEvent {
            kind: EventKind::ConnectionChanged,
            connection_id: row.id,
            invitation_id: row.invitation_id,
            record: Record::Connection(connection.clone()),
        });
        self.commit(work).await?;
        Ok(connection)
    }
}

/// An alias of at most 256 characters.
fn at_most(limit: usize, field: &str, ids: &[String]) -> Answer<()> {
    if ids.len() > limit {
        return Err(Failure::field(field, format!("has more than {limit} ids")));
    }
    Ok(())
}

pub(crate) fn check_alias(alias: &str) -> Answer<()> {
    if alias.chars().nth(MAX_ALIAS).is_some() {
        return Err(Failure::field("alias", format!("is longer than {MAX_ALIAS} characters")));
    }
    Ok(())
}

/// The number of an enumeration's value, or 0.
fn known<E, X>(number: i32, field: &str, read: impl FnOnce(i32) -> Result<E, X>) -> Answer<i32> {
    read(number)
        .map(|_| number)
        .map_err(|_| Failure::field(field, format!("has no value {number}")))
}

/// Asks for the rows of a page, and for one more that tells whether another page follows.
fn rows_of_page(asked: i32, token: &str, filter: &impl Hash) -> Answer<Page> {
    let size = page::size(asked)?;
    Ok(Page { after: page::after(token, filter)?, limit: size + 1, ..Page::default() })
}

fn span(from: Option<Timestamp>, before: Option<Timestamp>) -> Span {
    let [from, before] = [from, before].map(|time| time.as_ref().map(time_from_proto));
    Span { from, before }
}

fn canonical_did(text: String) -> String {
    Did::parse(&text).map_or(text, |did| did.canonical().to_string())
}

fn canonical_key(text: String) -> String {
    let key = PublicKey::parse_reference(&text).or_else(|_| PublicKey::from_multibase(&text));
    key.map_or(text, |key| key.multibase())
}
