//! Rows as the records that callers see. Stored enumerations have the numbers of the proto.

use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::time_to_proto;
use entente_store::StoreError;

use crate::engine::numbers;
use crate::store::{Acceptance, BasicMessage, Connection, Delivery, ExchangeRow, Invitation};

/// An invitation of ours.
pub(crate) fn invitation(row: &Invitation) -> pb::Invitation {
    pb::Invitation {
        id: row.id.clone(),
        kind: row.kind,
        state: row.state,
        max_uses: count(row.max_uses.unwrap_or_default()),
        uses: count(row.uses),
        did: row.did.clone().unwrap_or_default(),
        key: row.key.clone(),
        label: row.label.clone(),
        alias: row.alias.clone(),
        goal_code: row.goal_code.clone(),
        goal: row.goal.clone(),
        handshake_protocols: row.handshakes().map(numbers::handshake).collect(),
        message_json: row.message.clone(),
        url: row.url.clone(),
        metadata_json: row.metadata.clone(),
        auto_accept: row.auto_accept,
        created_at: Some(time_to_proto(row.created_at)),
        updated_at: Some(time_to_proto(row.updated_at)),
        expires_at: row.expires_at.map(time_to_proto),
        version: row.version,
        exchange_id: row.exchange_id.clone().unwrap_or_default(),
        format: row.format,
        implicit: row.implicit,
        short_url: row.short_url.clone().unwrap_or_default(),
    }
}

/// A handshake, with the delivery of its message where that is asked for.
///
/// # Errors
/// When the stored machine cannot be read.
pub(crate) fn exchange(
    row: &ExchangeRow,
    delivery: Option<&Delivery>,
) -> Result<pb::Exchange, StoreError> {
    let machine = row.machine()?;
    // Until the peer shows itself, an invitee knows the endpoint of the invitation.
    let target = machine.peer().map(|peer| &peer.target).or(machine.terms().target.as_ref());
    let (abandon_cause, error) = match machine.abandoned() {
        Some(end) => (numbers::cause(end.cause), end.detail.clone()),
        None => (pb::AbandonCause::Unspecified, String::new()),
    };
    Ok(pb::Exchange {
        id: row.id.clone(),
        role: row.role,
        state: row.state,
        protocol: row.protocol,
        invitation_id: row.invitation_id.clone(),
        thread_id: row.thread_id.clone().unwrap_or_default(),
        my_did: row.my_did.clone().unwrap_or_default(),
        their_did: row.their_did.clone().unwrap_or_default(),
        their_label: row.their_label.clone(),
        alias: row.alias.clone(),
        invitation_key: row.invitation_key.clone(),
        invitation_did: row.invitation_did.clone(),
        auto_accept: row.auto_accept,
        multi_use: row.multi_use,
        abandon_cause: abandon_cause.into(),
        error,
        deadline_at: row.deadline_at.map(time_to_proto),
        attempts: delivery.map(|delivery| delivery.attempts).unwrap_or_default(),
        next_attempt_at: delivery.map(|delivery| time_to_proto(delivery.next_attempt_at)),
        last_error: delivery.map(|delivery| delivery.last_error.clone()).unwrap_or_default(),
        created_at: Some(time_to_proto(row.created_at)),
        updated_at: Some(time_to_proto(row.updated_at)),
        version: row.version,
        goal_code: row.goal_code.clone(),
        goal: row.goal.clone(),
        metadata_json: row.metadata.clone(),
        their_endpoint: target.map(|target| target.endpoint().to_owned()).unwrap_or_default(),
    })
}

/// A connection.
///
/// # Errors
/// When the stored target cannot be read.
pub(crate) fn connection(
    row: &Connection,
    my_endpoint: &str,
) -> Result<pb::Connection, StoreError> {
    Ok(pb::Connection {
        id: row.id.clone(),
        role: row.role,
        protocol: row.protocol,
        my_did: row.my_did.clone(),
        their_did: row.their_did.clone(),
        their_label: row.their_label.clone(),
        alias: row.alias.clone(),
        invitation_id: row.invitation_id.clone(),
        invitation_did: row.invitation_did.clone().unwrap_or_default(),
        their_endpoint: row.target()?.endpoint().to_owned(),
        my_key: row.my_key.clone(),
        their_key: row.their_key.clone(),
        metadata_json: row.metadata.clone(),
        last_seen_at: (row.last_seen_at > 0).then(|| time_to_proto(row.last_seen_at)),
        created_at: Some(time_to_proto(row.created_at)),
        updated_at: Some(time_to_proto(row.updated_at)),
        version: row.version,
        reuses: count(row.reuses),
        my_endpoint: my_endpoint.to_owned(),
        former_ids: row.former_ids.split_whitespace().map(str::to_owned).collect(),
        merged_into: String::new(),
    })
}

/// An invitation of another agent that we accepted.
pub(crate) fn acceptance(row: &Acceptance) -> pb::Acceptance {
    pb::Acceptance {
        id: row.id.clone(),
        invitation_id: row.invitation_id.clone(),
        invitation_json: row.invitation.clone(),
        state: row.state,
        decision: Some(pb::ReuseDecision {
            outcome: row.outcome,
            reason: row.reason,
            candidates: row.candidates.split_whitespace().map(str::to_owned).collect(),
            rule: row.rule.clone(),
        }),
        exchange_id: row.exchange_id.clone().unwrap_or_default(),
        connection_id: row.connection_id.clone().unwrap_or_default(),
        thread_id: row.thread_id.clone().unwrap_or_default(),
        their_label: row.their_label.clone(),
        created_at: Some(time_to_proto(row.created_at)),
        updated_at: Some(time_to_proto(row.updated_at)),
        version: row.version,
        deadline_at: row.deadline_at.map(time_to_proto),
        alias: row.alias.clone(),
        invitation_did: row.invitation_did.clone(),
        invitation_url: row.url.clone(),
    }
}

/// A text on a connection.
pub(crate) fn basic_message(row: BasicMessage) -> pb::BasicMessage {
    let direction = match row.outbound {
        true => pb::MessageDirection::Outbound,
        false => pb::MessageDirection::Inbound,
    };
    pb::BasicMessage {
        id: row.message_id,
        content: row.content,
        direction: direction.into(),
        time: Some(time_to_proto(row.time)),
    }
}

/// A decision that is not stored.
pub(crate) fn decision(decision: &entente_protocol::reuse::Decision) -> pb::ReuseDecision {
    pb::ReuseDecision {
        outcome: numbers::outcome(decision.outcome).into(),
        reason: numbers::reason(decision.reason).into(),
        candidates: decision.candidates.clone(),
        rule: decision.rule.to_owned(),
    }
}

/// A count as callers see it.
pub(crate) fn count(stored: i64) -> i32 {
    i32::try_from(stored).unwrap_or(i32::MAX)
}
