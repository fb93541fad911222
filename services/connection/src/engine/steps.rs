//! A step of a handshake: the machine's transition, written with all that follows from it.

use std::time::Duration;

use entente_did::Did;
use entente_protocol::exchange::Effect;
use entente_protocol::reuse::Reason;
use entente_protocol::{Exchange, Identity, Peer, State, Transition};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;
use entente_store::StoreError;

use super::{Engine, numbers};
use crate::store::{Acceptance, AcceptanceState, Connection, ExchangeRow, Kind, Work};

impl Engine {
    /// Writes a transition of a stored exchange.
    pub(crate) async fn step(
        &self,
        work: &mut Work,
        row: &mut ExchangeRow,
        transition: Transition,
    ) -> Result<(), StoreError> {
        let Transition { passed, next, effects } = transition;
        // Read before anything is written: the writes then make one batch.
        let followers = match &next {
            Exchange::Invitee(_) if next.state().is_final() => {
                work.acceptances_of_exchange(&row.id).await?
            }
            _ => Vec::new(),
        };
        self.show(row, &next, work.now())?;
        row.version += if passed.is_some() { 2 } else { 1 };
        work.update_exchange(row);
        if let Some(state) = passed {
            work.emit(self.exchange_event(EventKind::ExchangeChanged, row, Some(state))?);
        }
        work.emit(self.exchange_event(EventKind::ExchangeChanged, row, None)?);
        if next.state() == State::Response
            && let (Some(mine), Some(peer)) = (next.mine(), next.peer())
        {
            insert_peers(work, row, mine, peer);
        }
        let mut connected = None;
        for effect in effects {
            match effect {
                Effect::Send { message, from, to } => {
                    // What is sent with the last step is an answer that nothing waits for.
                    let kind = if next.state().is_final() { Kind::Answer } else { Kind::Handshake };
                    work.send(&row.id, kind, &message, from, to);
                }
                Effect::Connect { mine, peer } => {
                    connected = Some(self.connect(work, row, &mine, &peer)?)
                }
            }
        }
        match connected {
            Some(connection) => self.followers_connected(work, followers, &connection),
            None => self.followers_abandoned(work, followers),
        }
    }

    /// Writes a new exchange with its first transition, if it makes one at once.
    pub(crate) async fn begin(
        &self,
        work: &mut Work,
        row: &mut ExchangeRow,
        first: Option<Transition>,
    ) -> Result<(), StoreError> {
        work.insert_exchange(row);
        match first {
            Some(transition) => self.step(work, row, transition).await,
            None => {
                work.emit(self.exchange_event(EventKind::ExchangeChanged, row, None)?);
                Ok(())
            }
        }
    }

    /// Brings the columns of a row in line with its machine.
    pub(crate) fn show(
        &self,
        row: &mut ExchangeRow,
        machine: &Exchange,
        now: i64,
    ) -> Result<(), StoreError> {
        let canonical = |did: &Did| did.canonical().to_string();
        let state = machine.state();
        row.role = numbers::role(machine.role());
        row.state = numbers::state(state);
        row.protocol = numbers::handshake(machine.terms().handshake);
        row.thread_id = machine.thread_id().map(str::to_owned);
        row.my_did = machine.mine().map(|mine| canonical(&mine.did));
        // A connection's keys are in `peers`.
        let mine = machine.mine().filter(|_| state != State::Done);
        row.my_key = mine.map(|mine| mine.key.multibase());
        row.their_did = machine.peer().map(|peer| canonical(&peer.did));
        if let Some(peer) = machine.peer()
            && !peer.label.is_empty()
        {
            row.their_label = peer.label.clone();
        }
        let deadline = match (machine, state) {
            (_, State::Done | State::Abandoned) => None,
            // The invitation's own expiry ends it.
            (Exchange::Inviter(_), State::Invitation) => None,
            (_, State::Response) => Some(self.config.response_deadline),
            _ => Some(self.config.request_deadline),
        };
        row.deadline_at = deadline.map(|deadline| now.saturating_add(milliseconds(deadline)));
        if state.is_final() {
            row.pending_for = None;
        }
        row.set_machine(machine)?;
        row.updated_at = now;
        Ok(())
    }

    fn connect(
        &self,
        work: &mut Work,
        row: &ExchangeRow,
        mine: &Identity,
        peer: &Peer,
    ) -> Result<Connection, StoreError> {
        let now = work.now();
        let invitation_did =
            Did::parse(&row.invitation_did).ok().map(|did| did.canonical().to_string());
        let new = Connection::new(row.id.clone(), mine, &peer.did, &peer.key, &peer.target, now)?;
        let connection = Connection {
            role: row.role,
            protocol: row.protocol,
            their_label: row.their_label.clone(),
            alias: row.alias.clone(),
            invitation_id: row.invitation_id.clone(),
            invitation_did,
            metadata: row.metadata.clone(),
            last_seen_at: now,
            ..new
        };
        work.insert_connection(&connection);
        work.emit(self.connection_event(EventKind::ConnectionCreated, &connection)?);
        if row.role == i32::from(proto::Role::Invitee) {
            insert_peers(work, row, mine, peer);
        }
        Ok(connection)
    }

    /// The acceptances that followed an exchange reuse its connection: each invitation is answered on it.
    fn followers_connected(
        &self,
        work: &mut Work,
        followers: Vec<Acceptance>,
        connection: &Connection,
    ) -> Result<(), StoreError> {
        for mut acceptance in followers {
            if acceptance.is(AcceptanceState::Connecting) {
                self.hand_over_requests(work, &acceptance, &connection.id);
                continue;
            }
            let silent = || self.stored_offer(&acceptance.invitation).is_ok_and(|o| o.is_silent());
            if acceptance.is(AcceptanceState::Pending)
                && (acceptance.invitation_id == connection.invitation_id || silent())
            {
                // The very invitation that made the connection, or one of which nothing can be told.
                self.reused(work, &mut acceptance, &connection.id, Reason::JoinedExchange);
            } else if acceptance.is(AcceptanceState::Pending) && connection.is_v2()? {
                acceptance.reason = numbers::reason(Reason::KnownDid).into();
                self.reuse_unasked(work, &mut acceptance, connection.clone())?;
                work.update_acceptance(&mut acceptance);
                work.emit(self.acceptance_event(&acceptance));
            } else if acceptance.is(AcceptanceState::Pending) {
                self.ask_reuse(work, &mut acceptance, connection)?;
            }
        }
        Ok(())
    }

    /// Writes that an acceptance ended in the reuse of a connection.
    pub(crate) fn reused(
        &self,
        work: &mut Work,
        acceptance: &mut Acceptance,
        connection_id: &str,
        reason: Reason,
    ) {
        acceptance.state = AcceptanceState::Reused as i32;
        acceptance.outcome = proto::ReuseOutcome::Reused.into();
        acceptance.reason = numbers::reason(reason).into();
        acceptance.connection_id = Some(connection_id.to_owned());
        acceptance.deadline_at = None;
        work.update_acceptance(acceptance);
        work.emit(self.acceptance_event(acceptance));
    }

    /// The acceptances that followed an abandoned exchange go on by themselves; the one that began it ends.
    fn followers_abandoned(
        &self,
        work: &mut Work,
        followers: Vec<Acceptance>,
    ) -> Result<(), StoreError> {
        for mut acceptance in followers {
            if acceptance.is(AcceptanceState::Pending) {
                acceptance.reason = numbers::reason(Reason::ExchangeAbandoned).into();
                acceptance.deadline_at = Some(work.now());
                work.wake_timers();
                work.update_acceptance(&mut acceptance);
            } else if acceptance.is(AcceptanceState::Connecting)
                || acceptance.is(AcceptanceState::Received)
            {
                acceptance.state = AcceptanceState::Refused as i32;
                acceptance.outcome = proto::ReuseOutcome::Refused.into();
                acceptance.reason = numbers::reason(Reason::ExchangeAbandoned).into();
                work.update_acceptance(&mut acceptance);
                work.emit(self.acceptance_event(&acceptance));
            }
        }
        Ok(())
    }
}

fn insert_peers(work: &mut Work, row: &ExchangeRow, mine: &Identity, peer: &Peer) {
    let keys = peer.keys.iter().map(entente_did::PublicKey::multibase);
    work.insert_peers(&mine.key.multibase(), keys, &row.id);
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
