//! Events, each with the whole record.

use entente_didcomm::message::Message;
use entente_protocol::State;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{EventKind, Message as MessageRecord, Reuse};
use entente_store::StoreError;

use super::{Engine, numbers};
use crate::project;
use crate::store::{Acceptance, Connection, ExchangeRow, Invitation, NewEvent, Outgoing};

impl Engine {
    /// An invitation was made, changed or deleted.
    pub(crate) fn invitation_event(&self, kind: EventKind, row: &Invitation) -> NewEvent {
        NewEvent {
            kind,
            connection_id: row.exchange_id.clone().unwrap_or_default(),
            invitation_id: row.id.clone(),
            record: Record::Invitation(project::invitation(row)),
        }
    }

    /// An exchange began or moved; `passed` is a state on its way that the row does not show any more.
    pub(crate) fn exchange_event(
        &self,
        kind: EventKind,
        row: &ExchangeRow,
        passed: Option<State>,
    ) -> Result<NewEvent, StoreError> {
        let mut record = project::exchange(row, None)?;
        if let Some(state) = passed {
            record.state = numbers::state(state);
            record.version -= 1;
            record.deadline_at = None;
        }
        let name =
            |number| proto::ExchangeState::try_from(number).unwrap_or_default().as_str_name();
        let role = if row.role == i32::from(proto::Role::Inviter) { "inviter" } else { "invitee" };
        let to = name(record.state);
        self.metrics.transition(role, to.strip_prefix("EXCHANGE_STATE_").unwrap_or(to));
        Ok(NewEvent {
            kind,
            connection_id: row.id.clone(),
            invitation_id: row.invitation_id.clone(),
            record: Record::Exchange(record),
        })
    }

    /// A connection was made, changed or deleted.
    pub(crate) fn connection_event(
        &self,
        kind: EventKind,
        row: &Connection,
    ) -> Result<NewEvent, StoreError> {
        Ok(NewEvent {
            kind,
            connection_id: row.id.clone(),
            invitation_id: row.invitation_id.clone(),
            record: Record::Connection(project::connection(row, &self.config.endpoint)?),
        })
    }

    /// An acceptance was decided on or moved.
    pub(crate) fn acceptance_event(&self, row: &Acceptance) -> NewEvent {
        NewEvent {
            kind: EventKind::AcceptanceChanged,
            connection_id: row
                .connection_id
                .clone()
                .or_else(|| row.exchange_id.clone())
                .unwrap_or_default(),
            invitation_id: row.invitation_id.clone(),
            record: Record::Acceptance(project::acceptance(row)),
        }
    }

    /// A connection is reused, or the peer refused.
    pub(crate) fn reuse_event(&self, kind: EventKind, reuse: Reuse) -> NewEvent {
        NewEvent {
            kind,
            connection_id: reuse.connection_id.clone(),
            invitation_id: reuse.invitation_id.clone(),
            record: Record::Reuse(reuse),
        }
    }

    /// A message came.
    pub(crate) fn message_event(&self, kind: EventKind, message: MessageRecord) -> NewEvent {
        NewEvent {
            kind,
            connection_id: message.connection_id.clone(),
            invitation_id: String::new(),
            record: Record::Message(message),
        }
    }

    /// A message of ours was taken by its endpoint, or given up for a reason.
    pub(crate) fn message_fate(&self, message: &Outgoing, error: Option<&str>) -> NewEvent {
        let kind = if error.is_some() { EventKind::MessageFailed } else { EventKind::MessageSent };
        let record = MessageRecord {
            connection_id: message.lane.clone(),
            message_id: message.message_id.clone(),
            thread_id: message.thread_id.clone(),
            error: error.unwrap_or_default().to_owned(),
            ..MessageRecord::default()
        };
        self.message_event(kind, record)
    }
}

/// A message as an event tells of it.
pub(crate) fn message_record(connection_id: &str, message: &Message) -> MessageRecord {
    MessageRecord {
        connection_id: connection_id.to_owned(),
        message_id: message.id.clone(),
        thread_id: message.thread_id().to_owned(),
        r#type: message.message_type.to_string(),
        message_json: message.to_value().to_string(),
        error: String::new(),
    }
}
