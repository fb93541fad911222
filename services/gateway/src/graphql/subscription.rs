//! Extensions: events from a cursor on, with none left out and none twice.

mod follow;

use async_graphql::{Context, Enum, ID, Object, SimpleObject, Subscription};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{EventFilter, EventKind};
use futures_util::{Stream, StreamExt as _};

use self::follow::{Followed, cursor_now, follow};
use super::error::ApiError;
use super::exchange::Exchange;
use super::{reuse, shared};

/// Extension: a change of an exchange.
#[derive(SimpleObject)]
#[graphql(name = "AIPConnectionExchangeUpdate")]
pub(super) struct ExchangeUpdate {
    /// Its place in the log of events. Subscribe `after` it to go on from here.
    cursor: String,
    /// True when the exchange was deleted; `exchange` is then as it last was.
    deleted: bool,
    /// The exchange as it was when this happened.
    exchange: Exchange,
}

/// Extension: what happened to a reuse.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionReuseOutcome {
    /// A peer answered an invitation of this agent on a connection that exists already.
    Reused,
    /// The inviter accepted that this agent reuses a connection.
    Accepted,
    /// The inviter refused, or did not answer in time.
    Rejected,
}

/// Extension: an invitation was answered on a connection that exists already, or that was refused.
#[derive(SimpleObject)]
pub(super) struct ConnectionReuse {
    /// Its place in the log of events. Subscribe `after` it to go on from here.
    cursor: String,
    /// What happened.
    outcome: ConnectionReuseOutcome,
    /// The connection.
    connection_id: ID,
    /// The invitation's message id.
    invitation_id: ID,
    /// The thread of the handshake-reuse.
    thread_id: ID,
    /// What the peer or this agent says about it, for people. Of a peer it is not trusted data.
    comment: String,
    /// Why, where this agent is the invitee: a ReuseReason of the gRPC API.
    reason: Option<String>,
}

#[derive(Default)]
pub(crate) struct CursorQuery;

#[Object]
impl CursorQuery {
    /// Extension: the newest place in the log of events. What is read afterwards, and what a subscription `after` this
    /// place gives, leaves nothing out.
    async fn event_cursor(&self, context: &Context<'_>) -> Result<String, ApiError> {
        Ok(cursor_now(shared(context)?).await?.to_string())
    }
}

#[derive(Default)]
pub(crate) struct ExchangeSubscription;

#[Subscription]
impl ExchangeSubscription {
    /// Extension: each change of an exchange, in order: after a cursor, or from now on without one; of one exchange, or
    /// of all.
    async fn on_aip_connection_exchange_update(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        conn_ex_id: Option<ID>,
    ) -> Result<impl Stream<Item = Result<ExchangeUpdate, ApiError>> + use<>, ApiError> {
        let kinds = [EventKind::ExchangeChanged, EventKind::ExchangeDeleted];
        let connection_id = conn_ex_id.map(|id| id.0).unwrap_or_default();
        let filter = EventFilter {
            kinds: kinds.map(i32::from).to_vec(),
            connection_id,
            ..Default::default()
        };
        let events = follow(shared(context)?.clone(), after.as_deref(), filter).await?;
        Ok(events.filter_map(async |event| event.map(exchange_update).transpose()))
    }
}

#[derive(Default)]
pub(crate) struct ReuseSubscription;

#[Subscription]
impl ReuseSubscription {
    /// Extension: each reuse of a connection, in order: after a cursor, or from now on without one.
    async fn on_connection_reuse(
        &self,
        context: &Context<'_>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ConnectionReuse, ApiError>> + use<>, ApiError> {
        let kinds = [
            EventKind::ConnectionReuse,
            EventKind::ConnectionReuseAccepted,
            EventKind::ConnectionReuseRejected,
        ];
        let filter = EventFilter { kinds: kinds.map(i32::from).to_vec(), ..Default::default() };
        let events = follow(shared(context)?.clone(), after.as_deref(), filter).await?;
        Ok(events.filter_map(async |event| event.map(connection_reuse).transpose()))
    }
}

fn exchange_update(event: Followed) -> Option<ExchangeUpdate> {
    let deleted = event.kind == EventKind::ExchangeDeleted;
    match event.record {
        Record::Exchange(exchange) => {
            Some(ExchangeUpdate { cursor: event.cursor, deleted, exchange: exchange.into() })
        }
        _ => None,
    }
}

fn connection_reuse(event: Followed) -> Option<ConnectionReuse> {
    let outcome = match event.kind {
        EventKind::ConnectionReuse => ConnectionReuseOutcome::Reused,
        EventKind::ConnectionReuseAccepted => ConnectionReuseOutcome::Accepted,
        _ => ConnectionReuseOutcome::Rejected,
    };
    let Record::Reuse(reuse) = event.record else { return None };
    let reason = (reuse.reason != 0).then(|| reuse::reason(reuse.reason()).to_owned());
    Some(ConnectionReuse {
        cursor: event.cursor,
        outcome,
        connection_id: reuse.connection_id.into(),
        invitation_id: reuse.invitation_id.into(),
        thread_id: reuse.thread_id.into(),
        comment: reuse.comment,
        reason,
    })
}
