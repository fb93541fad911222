//! Asking a peer to reuse a connection.

use entente_didcomm::message::{Message, Version};
use entente_protocol::reuse::{answer_on_connection, handshake_reuse};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::{EventKind, Reuse};
use entente_store::StoreError;

use crate::engine::invite::MAX_METADATA;
use crate::engine::{Engine, message_id, message_record};
use crate::store::{Acceptance, AcceptanceState, Connection, Kind, Work};

impl Engine {
    /// Asks the peer of a connection to reuse it for an acceptance that exists, and tells of it.
    pub(crate) fn ask_reuse(
        &self,
        work: &mut Work,
        row: &mut Acceptance,
        connection: &Connection,
    ) -> Result<(), StoreError> {
        row.outcome = proto::ReuseOutcome::Pending.into();
        row.reason = proto::ReuseReason::AwaitingPeer.into();
        row.candidates = connection.id.clone();
        let offer = self
            .stored_offer(&row.invitation)
            .map_err(|_| StoreError::corrupt("acceptances.invitation"))?;
        self.write_reuse_request(work, row, connection, offer.invitation.version)?;
        work.update_acceptance(row);
        work.emit(self.acceptance_event(row));
        Ok(())
    }

    pub(super) fn write_reuse_request(
        &self,
        work: &mut Work,
        row: &mut Acceptance,
        connection: &Connection,
        version: Version,
    ) -> Result<(), StoreError> {
        let message = handshake_reuse(&message_id(), version, &row.invitation_id);
        row.state = AcceptanceState::Pending as i32;
        row.connection_id = Some(connection.id.clone());
        row.thread_id = Some(message.id.clone());
        row.deadline_at = Some(work.now().saturating_add(row.patience));
        work.send_on(connection, Kind::Reuse, &message)
    }

    /// Reuses a connection of DIDComm v2 for an acceptance, and tells the peer.
    pub(crate) fn reuse_unasked(
        &self,
        work: &mut Work,
        row: &mut Acceptance,
        mut connection: Connection,
    ) -> Result<(), StoreError> {
        let message = answer_on_connection(&message_id(), &row.invitation_id);
        row.state = AcceptanceState::Reused as i32;
        row.outcome = proto::ReuseOutcome::Reused.into();
        row.connection_id = Some(connection.id.clone());
        row.thread_id = Some(message.id.clone());
        row.deadline_at = None;
        work.send_on(&connection, Kind::Answer, &message)?;
        connection.reuses += 1;
        work.update_connection(&mut connection);
        work.emit(self.reuse_event(
            EventKind::ConnectionReuseAccepted,
            Reuse {
                thread_id: message.id,
                connection_id: connection.id,
                invitation_id: row.invitation_id.clone(),
                comment: String::new(),
                reason: proto::ReuseReason::KnownDid.into(),
            },
        ));
        Ok(())
    }

    /// Hands the requests attached to an invitation over, on the connection that they are answered on.
    pub(crate) fn hand_over_requests(
        &self,
        work: &mut Work,
        row: &Acceptance,
        connection_id: &str,
    ) {
        let Ok(offer) = self.stored_offer(&row.invitation) else { return };
        for attachment in &offer.invitation.requests_attach {
            let content = attachment.content(MAX_METADATA);
            let Some(message) = content.ok().and_then(|content| Message::parse(&content).ok())
            else {
                continue;
            };
            let record = message_record(connection_id, &message);
            work.emit(self.message_event(EventKind::RequestAttached, record));
        }
    }
}

/// What a rejected reuse tells.
pub(crate) fn rejected_reuse(row: &Acceptance, comment: &str) -> Reuse {
    Reuse {
        thread_id: row.thread_id.clone().unwrap_or_default(),
        connection_id: row.connection_id.clone().unwrap_or_default(),
        invitation_id: row.invitation_id.clone(),
        comment: comment.to_owned(),
        reason: row.reason,
    }
}
