//! Handshakes: `AIPConnectionExchange`.

mod accept;
mod filter;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    self as pb, CreateInvitationRequest, DeleteExchangeRequest, GetExchangeRequest,
    InvitationFormat, InvitationKind, UpdateExchangeRequest,
};

use self::accept::AcceptInput;
use self::filter::ExchangeFilter;
use super::connection::loader;
use super::error::ApiError;
use super::invitation::Invitation;
use super::loader::{AcceptanceKey, InvitationKey};
use super::page::{self, Page};
use super::reuse::ReuseDecision;
use super::{present, shared, timestamp};
use crate::gateway::Shared;

/// The part of this agent in a handshake. It never changes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "AIPConnExRole")]
pub(super) enum Role {
    /// This agent made the invitation.
    Inviter,
    /// This agent accepted it.
    Invitee,
}

/// How far a handshake is. It only moves forward; DONE and ABANDONED are final.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "AIPConnExState")]
pub(super) enum State {
    /// The invitation was made or received.
    Invitation,
    /// The request was received or sent.
    Request,
    /// The response was sent or received.
    Response,
    /// There is a connection.
    Done,
    /// There will be no connection.
    Abandoned,
}

/// An exchange as a resolver has it.
pub(super) struct Exchange {
    record: pb::Exchange,
    /// The accepted invitation, where it is at hand.
    acceptance: Option<pb::Acceptance>,
}

impl From<pb::Exchange> for Exchange {
    fn from(record: pb::Exchange) -> Self {
        Self { record, acceptance: None }
    }
}

/// A handshake with a peer: under way, done, or abandoned.
#[Object(name = "AIPConnectionExchange")]
impl Exchange {
    /// The id; of the connection that it makes, too.
    async fn id(&self) -> ID {
        self.record.id.as_str().into()
    }

    /// The part of this agent.
    async fn my_role(&self) -> Result<Role, ApiError> {
        match self.record.role() {
            pb::Role::Inviter => Ok(Role::Inviter),
            pb::Role::Invitee => Ok(Role::Invitee),
            pb::Role::Unspecified => Err(ApiError::internal("an exchange without a role")),
        }
    }

    /// How far it is.
    async fn state(&self) -> Result<State, ApiError> {
        match self.record.state() {
            pb::ExchangeState::Invitation => Ok(State::Invitation),
            pb::ExchangeState::Request => Ok(State::Request),
            pb::ExchangeState::Response => Ok(State::Response),
            pb::ExchangeState::Done => Ok(State::Done),
            pb::ExchangeState::Abandoned => Ok(State::Abandoned),
            pb::ExchangeState::Unspecified => {
                Err(ApiError::internal("an exchange without a state"))
            }
        }
    }

    /// The private name that the owner of this agent gave it; empty without one.
    async fn alias(&self) -> &str {
        &self.record.alias
    }

    /// The name that the peer gave itself; null until it did. It is self-attested, not verified: not trusted data.
    async fn their_label(&self) -> Option<&str> {
        Some(self.record.their_label.as_str()).filter(|label| !label.is_empty())
    }

    /// The invitation that it began with; null once that is deleted.
    async fn invitation(&self, context: &Context<'_>) -> Result<Option<Invitation>, ApiError> {
        if self.record.role() == pb::Role::Invitee {
            let endpoint = &self.record.their_endpoint;
            let acceptance = self.acceptance(context).await?;
            return Ok(acceptance.map(|accepted| Invitation::accepted(accepted, endpoint)));
        }
        let key = InvitationKey(self.record.invitation_id.clone());
        let made = loader(context)?.load_one(key).await?;
        let endpoint = &shared(context)?.config.endpoint;
        Ok(made.map(|invitation| Invitation::made(invitation, endpoint)))
    }

    /// When it was made, ISO 8601.
    async fn created_timestamp(&self) -> String {
        timestamp::text(self.record.created_at.as_ref())
    }

    /// When it last changed, ISO 8601.
    async fn modified_timestamp(&self) -> String {
        timestamp::text(self.record.updated_at.as_ref())
    }

    /// Extension: where this agent is the INVITEE, whether the accepted invitation made this exchange or reuses its
    /// connection, and why.
    async fn reuse_decision(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<ReuseDecision>, ApiError> {
        if self.record.role() != pb::Role::Invitee && self.acceptance.is_none() {
            return Ok(None);
        }
        let acceptance = self.acceptance(context).await?;
        let decision = acceptance.and_then(|acceptance| acceptance.decision);
        decision.as_ref().map(ReuseDecision::try_from).transpose()
    }
}

impl Exchange {
    async fn acceptance(&self, context: &Context<'_>) -> Result<Option<pb::Acceptance>, ApiError> {
        if self.acceptance.is_some() {
            return Ok(self.acceptance.clone());
        }
        loader(context)?.load_one(AcceptanceKey(self.record.id.clone())).await
    }
}

/// A page of exchanges, oldest first.
#[derive(SimpleObject)]
#[graphql(name = "AIPConnectionExchangeList")]
pub(super) struct ExchangeList {
    /// The exchanges.
    items: Vec<Exchange>,
    /// The token of the next page; null on the last.
    next_token: Option<String>,
}

/// An invitation to make.
#[derive(InputObject)]
#[graphql(name = "CreateAIPConnectionInvitationInput")]
pub(super) struct CreateInput {
    /// The private name of the exchange and of its connection.
    alias: String,
    /// The name that the invitee sees. It cannot verify it.
    my_label: String,
}

/// Extension: changes of an exchange. What is not given stays.
#[derive(InputObject)]
#[graphql(name = "UpdateAIPConnectionExchangeInput")]
pub(super) struct UpdateInput {
    /// The private name of the exchange and of its connection, at most 256 characters.
    alias: Option<String>,
}

#[derive(Default)]
pub(crate) struct ExchangeQuery;

#[Object]
impl ExchangeQuery {
    /// An exchange; null if there is none with this id.
    async fn aip_connection_exchange(
        &self,
        context: &Context<'_>,
        conn_ex_id: ID,
    ) -> Result<Option<Exchange>, ApiError> {
        Ok(find(shared(context)?, conn_ex_id.0).await?.map(Exchange::from))
    }

    /// Exchanges in pages, oldest first: exchanges that come or go meanwhile move no others from page to page.
    #[graphql(complexity = "Page::cost(page.as_ref(), page::RECORDS, child_complexity)")]
    async fn aip_connection_exchanges(
        &self,
        context: &Context<'_>,
        page: Option<Page>,
        filter: Option<ExchangeFilter>,
    ) -> Result<ExchangeList, ApiError> {
        let shared = shared(context)?;
        let (page_size, page_token) = Page::read(page, page::RECORDS)?;
        let filter = filter.unwrap_or_default().request()?;
        let request =
            shared.request(pb::ListExchangesRequest { page_size, page_token, ..filter })?;
        let answer = shared.clients.exchanges.clone().list_exchanges(request).await?.into_inner();
        Ok(ExchangeList {
            items: answer.exchanges.into_iter().map(Exchange::from).collect(),
            next_token: page::next(answer.next_page_token),
        })
    }
}

#[derive(Default)]
pub(crate) struct ExchangeMutation;

#[Object]
impl ExchangeMutation {
    /// Makes an exchange with a single-use invitation, whose URL is to be brought to its receiver. This agent is the
    /// INVITER, and answers the request without asking.
    async fn create_aip_connection_invitation(
        &self,
        context: &Context<'_>,
        invitation: CreateInput,
    ) -> Result<Exchange, ApiError> {
        let shared = shared(context)?;
        let request = shared.request(invitation_request(invitation))?;
        let made = shared.clients.invitations.clone().create_invitation(request).await?;
        let made = present(made.into_inner().invitation)?;
        // One that is used or deleted so soon leaves nothing to show.
        find(shared, made.exchange_id.clone())
            .await?
            .map(Exchange::from)
            .ok_or_else(|| entente_rpc::Failure::not_found("exchange", &made.exchange_id).into())
    }

    /// Accepts an invitation of another agent: a new exchange with this agent as the INVITEE, whose request is sent
    /// without asking. Extension: any invitation that this agent can read is taken (connections/1.0, out-of-band 1.x
    /// and 2.0), and one of an agent that there is a connection with already gives the exchange of that connection;
    /// reuseDecision says which of the two it was.
    async fn accept_aip_connection_invitation(
        &self,
        context: &Context<'_>,
        invitation: AcceptInput,
    ) -> Result<Exchange, ApiError> {
        accept::accept(shared(context)?, invitation).await
    }

    /// Extension: renames an exchange and its connection.
    async fn update_aip_connection_exchange(
        &self,
        context: &Context<'_>,
        conn_ex_id: ID,
        exchange: UpdateInput,
    ) -> Result<Exchange, ApiError> {
        let shared = shared(context)?;
        let request = UpdateExchangeRequest { id: conn_ex_id.0, alias: exchange.alias };
        let request = shared.request(request)?;
        let updated = shared.clients.exchanges.clone().update_exchange(request).await?;
        Ok(present(updated.into_inner().exchange)?.into())
    }

    /// Deletes an exchange with its invitation, which cannot be used any more. The connection of a DONE one stays.
    async fn delete_aip_connection_exchange(
        &self,
        context: &Context<'_>,
        conn_ex_id: ID,
    ) -> Result<Option<bool>, ApiError> {
        let shared = shared(context)?;
        let request = shared.request(DeleteExchangeRequest { id: conn_ex_id.0 })?;
        shared.clients.exchanges.clone().delete_exchange(request).await?;
        Ok(Some(true))
    }
}

fn invitation_request(input: CreateInput) -> CreateInvitationRequest {
    CreateInvitationRequest {
        kind: InvitationKind::SingleUse.into(),
        alias: input.alias,
        label: Some(input.my_label),
        auto_accept: Some(true),
        format: InvitationFormat::Connections1.into(),
        ..CreateInvitationRequest::default()
    }
}

async fn find(shared: &Shared, id: String) -> Result<Option<pb::Exchange>, ApiError> {
    let request = shared.request(GetExchangeRequest { id })?;
    match shared.clients.exchanges.clone().get_exchange(request).await {
        Ok(answer) => Ok(Some(present(answer.into_inner().exchange)?)),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}
