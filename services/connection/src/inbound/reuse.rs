//! handshake-reuse and its answers (RFC 0434).

use entente_didcomm::message::Message;
use entente_protocol::handshake::Thread;
use entente_protocol::reuse::{
    Outcome, Reason, accepted, answered_invitation, unanswered, version,
};
use entente_protocol::usage::Unusable;
use entente_protocol::{Misbehaved, problem};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::{EventKind, Reuse};
use entente_store::StoreError;

use super::handshake::Stop;
use super::{Fate, Inbound};
use crate::engine::{Answer, Engine, message_id, numbers, rejected_reuse};
use crate::store::{Acceptance, AcceptanceState, Connection, Kind, Work};

impl Engine {
    /// An out-of-band message on a connection. The caller commits.
    pub(super) async fn receive_reuse(
        &self,
        work: &mut Work,
        inbound: &Inbound,
        connection: Connection,
    ) -> Answer<Fate> {
        let id = connection.id.clone();
        let message = &inbound.message;
        let spoken = match version(message) {
            Ok(spoken) => spoken,
            Err(error) => {
                self.report(
                    work,
                    message,
                    &connection,
                    problem::VERSION_NOT_SUPPORTED,
                    &error.to_string(),
                )?;
                return Ok(Fate::Refused(Some(id)));
            }
        };
        match message.message_type.name.as_str() {
            "handshake-reuse" => match self.take_reuse(work, message, connection.clone()).await {
                Ok(()) => {
                    let answer = accepted(&message_id(), spoken, message);
                    work.send_on(&connection, Kind::Answer, &answer)?;
                    Ok(Fate::Handled(id))
                }
                Err(Stop::Failed(failure)) => Err(failure),
                Err(Stop::Refused(misbehaved)) => {
                    let code = match &misbehaved {
                        Misbehaved::Invitation(unusable) => problem::reuse_code(*unusable),
                        _ => problem::NO_EXISTING_CONNECTION,
                    };
                    let pthid = message.parent_thread_id().unwrap_or_default();
                    let thread = Thread { thid: message.thread_id(), pthid };
                    let report = problem::reuse(
                        &message_id(),
                        spoken,
                        thread,
                        code,
                        &misbehaved.to_string(),
                    );
                    work.send_on(&connection, Kind::Answer, &report)?;
                    Ok(Fate::Refused(Some(id)))
                }
            },
            "handshake-reuse-accepted" => self.reuse_accepted(work, message, connection).await,
            _ => self.unsupported(work, message, &connection),
        }
    }

    /// A message of DIDComm v2 that has nothing but headers: it may answer an invitation on this connection. The caller
    /// commits.
    pub(super) async fn receive_empty(
        &self,
        work: &mut Work,
        inbound: &Inbound,
        connection: Connection,
    ) -> Answer<Fate> {
        let (id, message) = (connection.id.clone(), &inbound.message);
        if answered_invitation(message).is_none() {
            return Ok(Fate::Handled(id));
        }
        match self.take_reuse(work, message, connection.clone()).await {
            Ok(()) => Ok(Fate::Handled(id)),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Refused(misbehaved)) => {
                let code = problem::REQUEST_NOT_ACCEPTED;
                self.report(work, message, &connection, code, &misbehaved.to_string())?;
                Ok(Fate::Refused(Some(id)))
            }
        }
    }

    /// Inviter: the peer reuses its connection for one of our invitations, which is used up with it.
    async fn take_reuse(
        &self,
        work: &mut Work,
        message: &Message,
        mut connection: Connection,
    ) -> Result<(), Stop> {
        let invitation_id = message.parent_thread_id().ok_or(Misbehaved::NoParentThread)?;
        let found = work.invitation(&message.comparable(invitation_id)).await?;
        let mut invitation = found.ok_or(Misbehaved::Invitation(Unusable::Unknown))?;
        // Only who connected by this DID may use up its invitations: knowing an id proves nothing.
        let theirs = connection.role == i32::from(proto::Role::Inviter)
            && invitation.canonical_did.is_some()
            && invitation.canonical_did == connection.invitation_did;
        if !theirs {
            return Err(Misbehaved::Stranger("invitation").into());
        }
        self.use_invitation(work, &mut invitation)?;
        if let Some(exchange_id) = &invitation.exchange_id
            && let Some(waiting) = work.exchange(exchange_id).await?
            && waiting.state == i32::from(proto::ExchangeState::Invitation)
        {
            work.delete_exchange(exchange_id);
            work.emit(self.exchange_event(EventKind::ExchangeDeleted, &waiting, None)?);
        }
        connection.reuses += 1;
        connection.last_seen_at = work.now();
        work.update_connection(&mut connection);
        work.emit(self.reuse_event(
            EventKind::ConnectionReuse,
            reuse(message, &connection.id, invitation_id),
        ));
        Ok(())
    }

    /// Invitee: the peer confirmed.
    async fn reuse_accepted(
        &self,
        work: &mut Work,
        message: &Message,
        mut connection: Connection,
    ) -> Answer<Fate> {
        let id = connection.id.clone();
        let Some(mut acceptance) = self.awaiting(work, message, &id).await? else {
            return Ok(Fate::Refused(Some(id)));
        };
        connection.reuses += 1;
        connection.last_seen_at = work.now();
        work.update_connection(&mut connection);
        let record = reuse(message, &id, &acceptance.invitation_id);
        work.emit(self.reuse_event(
            EventKind::ConnectionReuseAccepted,
            Reuse { reason: proto::ReuseReason::PeerAccepted.into(), ..record },
        ));
        self.reused(work, &mut acceptance, &id, Reason::PeerAccepted);
        Ok(Fate::Handled(id))
    }

    /// Invitee: the peer refused. False if no reuse waits for it.
    pub(super) async fn reuse_refused(
        &self,
        work: &mut Work,
        message: &Message,
        connection_id: &str,
        explain: &str,
    ) -> Result<bool, StoreError> {
        let Some(mut acceptance) = self.awaiting(work, message, connection_id).await? else {
            return Ok(false);
        };
        let reason = numbers::reason_of(acceptance.reason);
        if !matches!(reason, Some(Reason::AwaitingPeer | Reason::PeerDidNotAnswer)) {
            // Too late: that it got no answer was told, and it goes another way.
            return Ok(true);
        }
        if self.used_before(work, &acceptance).await? {
            self.reused(work, &mut acceptance, connection_id, Reason::AlreadyAccepted);
            return Ok(true);
        }
        self.reuse_failed(work, acceptance, Reason::PeerRefused, explain)?;
        Ok(true)
    }

    /// Invitee: the handshake-reuse could not be delivered.
    pub(crate) async fn reuse_not_delivered(&self, work: &mut Work, thread_id: &str) -> Answer<()> {
        let found = work.acceptance_of_thread(thread_id).await?;
        if let Some(acceptance) = found.filter(|acceptance| acceptance.is(AcceptanceState::Pending))
        {
            self.reuse_failed(
                work,
                acceptance,
                Reason::NotDelivered,
                "the message could not be delivered",
            )?;
        }
        Ok(())
    }

    fn reuse_failed(
        &self,
        work: &mut Work,
        mut acceptance: Acceptance,
        reason: Reason,
        explain: &str,
    ) -> Result<(), StoreError> {
        acceptance.reason = numbers::reason(reason).into();
        if unanswered(numbers::no_answer(acceptance.no_answer), reason) == Some(Outcome::New) {
            // A new exchange needs other services: the timers begin it at once.
            acceptance.deadline_at = Some(work.now());
            work.wake_timers();
        } else {
            acceptance.state = AcceptanceState::Refused as i32;
            acceptance.outcome = proto::ReuseOutcome::Refused.into();
            acceptance.deadline_at = None;
        }
        work.update_acceptance(&mut acceptance);
        work.emit(
            self.reuse_event(
                EventKind::ConnectionReuseRejected,
                rejected_reuse(&acceptance, explain),
            ),
        );
        work.emit(self.acceptance_event(&acceptance));
        Ok(())
    }

    /// The acceptance that waits for an answer in this thread (or, from a peer that names only the invitation, under
    /// it), on this connection.
    async fn awaiting(
        &self,
        work: &mut Work,
        message: &Message,
        connection_id: &str,
    ) -> Result<Option<Acceptance>, StoreError> {
        let mut found = work.acceptance_of_thread(message.thread_id()).await?;
        if found.is_none()
            && let Some(invitation_id) = message.parent_thread_id()
        {
            found = work.acceptance_of_invitation(invitation_id).await?;
        }
        Ok(found.filter(|acceptance| {
            acceptance.is(AcceptanceState::Pending)
                && acceptance.thread_id.is_some()
                && acceptance.connection_id.as_deref() == Some(connection_id)
        }))
    }

    /// Whether the same invitation made a connection of ours before: then its refusal says only that it is used up.
    async fn used_before(
        &self,
        work: &mut Work,
        acceptance: &Acceptance,
    ) -> Result<bool, StoreError> {
        let Some(id) = &acceptance.connection_id else { return Ok(false) };
        let connection = work.connection(id).await?;
        Ok(connection
            .is_some_and(|connection| connection.invitation_id == acceptance.invitation_id))
    }
}

fn reuse(message: &Message, connection_id: &str, invitation_id: &str) -> Reuse {
    Reuse {
        thread_id: message.thread_id().to_owned(),
        connection_id: connection_id.to_owned(),
        invitation_id: invitation_id.to_owned(),
        comment: format!(
            "Connection {connection_id} is being reused for invitation {invitation_id}"
        ),
        reason: 0,
    }
}
