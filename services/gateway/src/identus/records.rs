//! Our records as the Cloud Agent shows them. Pure; events and answers use the same.

mod states;

use axum::http::StatusCode;
use entente_rpc::proto::connection::v1::{
    AbandonCause, Connection, Exchange, ExchangeState, Invitation, InvitationState, Role,
};
use prost_types::Timestamp;
use serde_json::{Map, Value};

use super::error::problem;
use super::invitations::{self, Origin};
use crate::acapy::records::timestamp;

/// What a new record shows as `metaRetries`.
const RETRIES: i32 = 5;

/// Where the message of a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It was just written.
    Begun,
    /// As the exchange says.
    AsRecorded,
}

/// A connection record: an exchange, with what is newer in the connection that it made.
pub(super) fn connection(
    exchange: &Exchange,
    made: Option<&Connection>,
    origin: Origin<'_>,
    delivery: Delivery,
    endpoint: &str,
) -> Value {
    let under_way = delivery == Delivery::Begun || exchange.next_attempt_at.is_some();
    let mut record = Map::new();
    begin(&mut record, &exchange.id, &exchange.invitation_id);
    put(&mut record, "label", made.map_or(&exchange.alias, |made| &made.alias));
    put(&mut record, "goalCode", &exchange.goal_code);
    put(&mut record, "goal", &exchange.goal);
    put(&mut record, "myDid", made.map_or(&exchange.my_did, |made| &made.my_did));
    put(&mut record, "theirDid", made.map_or(their_did(exchange), |made| &made.their_did));
    let role = if exchange.role() == Role::Invitee { "Invitee" } else { "Inviter" };
    put(&mut record, "role", role);
    put(&mut record, "state", states::state(exchange, under_way));
    record.insert("invitation".to_owned(), invitations::of_record(exchange, origin, endpoint));
    let updated = later(exchange.updated_at, made.and_then(|made| made.updated_at));
    put_times(&mut record, exchange.created_at, updated);
    record.insert("metaRetries".to_owned(), Value::from(retries(exchange)));
    if let Some(failure) = last_failure(exchange) {
        record.insert("metaLastFailure".to_owned(), failure);
    }
    end(record, &exchange.id)
}

/// The record of a connection whose exchange was deleted.
pub(super) fn done(made: &Connection) -> Exchange {
    Exchange {
        id: made.id.clone(),
        role: made.role,
        state: ExchangeState::Done.into(),
        protocol: made.protocol,
        invitation_id: made.invitation_id.clone(),
        invitation_did: made.invitation_did.clone(),
        alias: made.alias.clone(),
        created_at: made.created_at,
        updated_at: made.updated_at,
        ..Exchange::default()
    }
}

/// An invitation that nobody used yet. A single-use one has the id of the exchange that waits for its request; a
/// multi-use one has its own.
pub(super) fn invited(invitation: &Invitation) -> Value {
    let id = match invitation.exchange_id.as_str() {
        "" => &invitation.id,
        exchange_id => exchange_id,
    };
    let state = match invitation.state() {
        InvitationState::Open | InvitationState::Unspecified => "InvitationGenerated",
        _ => "InvitationExpired",
    };
    let mut record = Map::new();
    begin(&mut record, id, &invitation.id);
    put(&mut record, "label", &invitation.alias);
    put(&mut record, "goalCode", &invitation.goal_code);
    put(&mut record, "goal", &invitation.goal);
    put(&mut record, "role", "Inviter");
    put(&mut record, "state", state);
    record.insert("invitation".to_owned(), invitations::ours(invitation));
    put_times(&mut record, invitation.created_at, invitation.updated_at);
    record.insert("metaRetries".to_owned(), Value::from(RETRIES));
    end(record, id)
}

fn begin(record: &mut Map<String, Value>, id: &str, invitation_id: &str) {
    put(record, "connectionId", id);
    // Required, also where a peer's request came without an invitation.
    let thread_id = if invitation_id.is_empty() { id } else { invitation_id };
    put(record, "thid", thread_id);
}

fn end(mut record: Map<String, Value>, id: &str) -> Value {
    put(&mut record, "self", id);
    put(&mut record, "kind", "Connection");
    Value::Object(record)
}

/// Adds a text, unless it is empty: absent fields are left out.
fn put(record: &mut Map<String, Value>, field: &str, text: &str) {
    if !text.is_empty() {
        record.insert(field.to_owned(), Value::from(text));
    }
}

/// `updatedAt` is absent from a record that never changed.
fn put_times(
    record: &mut Map<String, Value>,
    created: Option<Timestamp>,
    updated: Option<Timestamp>,
) {
    put(record, "createdAt", &created.as_ref().and_then(timestamp).unwrap_or_default());
    let updated = updated.filter(|updated| Some(*updated) != created);
    put(record, "updatedAt", &updated.as_ref().and_then(timestamp).unwrap_or_default());
}

fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().max_by_key(|time| (time.seconds, time.nanos))
}

/// Until the peer told its DID, an invitee knows that of the invitation.
fn their_did(exchange: &Exchange) -> &str {
    let told = !exchange.their_did.is_empty() || exchange.role() != Role::Invitee;
    if told { &exchange.their_did } else { &exchange.invitation_did }
}

/// 5, and one less for each attempt that failed; not 0 before the message is given up.
fn retries(exchange: &Exchange) -> i32 {
    match exchange.state() {
        ExchangeState::Abandoned => 0,
        ExchangeState::Done => RETRIES,
        _ => (RETRIES - exchange.attempts).max(1),
    }
}

/// What the last attempt failed with, or why the handshake ended.
fn last_failure(exchange: &Exchange) -> Option<Value> {
    let (status, kind, detail) = match (exchange.state(), exchange.abandon_cause()) {
        (ExchangeState::Done, _) => return None,
        (ExchangeState::Abandoned, cause) => {
            let (kind, detail) = explain(cause);
            let own = exchange.error.as_str();
            (StatusCode::BAD_REQUEST, kind, if own.is_empty() { detail } else { own })
        }
        _ if exchange.last_error.is_empty() => return None,
        _ => (
            StatusCode::BAD_GATEWAY,
            "ConnectionServiceError:MessageNotDelivered",
            exchange.last_error.as_str(),
        ),
    };
    Some(problem(status, kind, detail, &exchange.id))
}

fn explain(cause: AbandonCause) -> (&'static str, &'static str) {
    match cause {
        AbandonCause::Rejected => ("ConnectionServiceError:Rejected", "rejected"),
        AbandonCause::PeerReported => {
            ("ConnectionServiceError:ProblemReported", "the peer sent a problem report")
        }
        AbandonCause::DeadlinePassed => {
            ("ConnectionServiceError:DeadlinePassed", "the peer did not answer in time")
        }
        AbandonCause::NotDelivered => {
            ("ConnectionServiceError:MessageNotDelivered", "a message could not be delivered")
        }
        AbandonCause::InvitationEnded => {
            ("ConnectionServiceError:InvitationExpired", "the invitation expired or was revoked")
        }
        AbandonCause::Cancelled | AbandonCause::Unspecified => {
            ("ConnectionServiceError:Abandoned", "abandoned")
        }
    }
}

#[cfg(test)]
mod tests;
