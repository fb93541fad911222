use async_graphql::InputObject;
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1::{
    self as pb, AcceptInvitationRequest, GetConnectionRequest, ReusePolicy,
};

use super::{Exchange, find};
use crate::gateway::Shared;
use crate::graphql::error::ApiError;
use crate::graphql::present;

/// An invitation to accept.
#[derive(InputObject)]
#[graphql(name = "AcceptAIPConnectionInvitationInput")]
pub(super) struct AcceptInput {
    /// The invitation as a URL (`c_i`, `oob`, `_oob`, or a short one).
    invitation_url: String,
    /// The private name of the exchange and of its connection.
    alias: String,
    /// The name that the inviter sees. It cannot verify it.
    my_label: String,
    /// Extension: false to make a new connection even where there is one with the inviter.
    #[graphql(default = true)]
    reuse_connection: bool,
}

pub(super) async fn accept(shared: &Shared, input: AcceptInput) -> Result<Exchange, ApiError> {
    let request = AcceptInvitationRequest {
        invitation: input.invitation_url,
        alias: input.alias,
        label: Some(input.my_label),
        auto_accept: Some(true),
        reuse: Some(ReusePolicy { disabled: !input.reuse_connection, ..ReusePolicy::default() }),
        ..AcceptInvitationRequest::default()
    };
    let request = shared.request(request)?;
    let answer = shared.clients.invitations.clone().accept_invitation(request).await?.into_inner();
    let acceptance = present(answer.acceptance)?;
    let id = match acceptance.exchange_id.as_str() {
        "" => acceptance.connection_id.clone(),
        id => id.to_owned(),
    };
    let record = match find(shared, id.clone()).await? {
        Some(exchange) => exchange,
        // A connection may outlive its exchange, and be reused.
        None => made(&connection(shared, id).await?),
    };
    Ok(Exchange { record, acceptance: Some(acceptance) })
}

async fn connection(shared: &Shared, id: String) -> Result<pb::Connection, ApiError> {
    if id.is_empty() {
        return Err(Failure::wrong_state("invitation", "REFUSED", "a peer that accepts").into());
    }
    let request = shared.request(GetConnectionRequest { id })?;
    let answer = shared.clients.connections.clone().get_connection(request).await?;
    present(answer.into_inner().connection)
}

/// The exchange that made a connection, as far as the connection tells.
fn made(connection: &pb::Connection) -> pb::Exchange {
    pb::Exchange {
        id: connection.id.clone(),
        role: connection.role,
        state: pb::ExchangeState::Done.into(),
        protocol: connection.protocol,
        invitation_id: connection.invitation_id.clone(),
        their_label: connection.their_label.clone(),
        alias: connection.alias.clone(),
        their_endpoint: connection.their_endpoint.clone(),
        created_at: connection.created_at,
        updated_at: connection.updated_at,
        ..pb::Exchange::default()
    }
}
