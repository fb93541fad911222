//! What must hold once everything has come to rest.

use std::collections::BTreeMap;

use entente_rpc::proto::connection::v1::{self as proto, AcceptanceState, ExchangeState, Role};

use crate::Violation;
use crate::world::{Checked, World};

fn broken(invariant: &'static str, detail: String) -> Checked {
    Err(Violation { invariant, detail })
}

impl World {
    pub(crate) fn check_end(&self) -> Checked {
        for (index, agent) in self.agents.iter().enumerate() {
            if !agent.watch.is_up_to_date() {
                return broken(
                    "4: an event that was seen is there after a crash",
                    format!("agent {index} has fewer events than before"),
                );
            }
            for exchange in agent.watch.exchanges.values() {
                self.check_exchange(index, exchange)?;
            }
            for connection in agent.watch.connections.values() {
                self.check_connection(index, connection)?;
            }
            for acceptance in agent.watch.acceptances.values() {
                if acceptance.state() == AcceptanceState::Pending
                    && acceptance.deadline_at.is_some()
                {
                    return broken(
                        "every acceptance ends",
                        format!("agent {index}: {acceptance:?}"),
                    );
                }
            }
            self.check_reuse(index)?;
        }
        self.check_messages()
    }

    /// Every exchange has ended, and alike on both sides.
    fn check_exchange(&self, index: usize, exchange: &proto::Exchange) -> Checked {
        let state = exchange.state();
        let waits = exchange.role() == Role::Inviter && state == ExchangeState::Invitation;
        if !waits && state != ExchangeState::Done && state != ExchangeState::Abandoned {
            return broken("every exchange ends", format!("agent {index}: {exchange:?}"));
        }
        if waits || self.weather.short || self.weather.deletes {
            return Ok(());
        }
        let theirs = self.counterparts(index, exchange);
        let done =
            theirs.iter().filter(|(_, theirs)| theirs.state() == ExchangeState::Done).count();
        let expected = usize::from(state == ExchangeState::Done);
        if done != expected || theirs.len() > 1 {
            return broken(
                "each exchange ends in one connection on both sides",
                format!("agent {index}: {exchange:?}\nbut the peer: {theirs:?}"),
            );
        }
        Ok(())
    }

    /// The exchanges of others in the thread of one.
    fn counterparts(
        &self,
        index: usize,
        exchange: &proto::Exchange,
    ) -> Vec<(usize, &proto::Exchange)> {
        let others = self.agents.iter().enumerate().filter(|(other, _)| *other != index);
        let all = others.flat_map(|(other, agent)| {
            agent.watch.exchanges.values().map(move |theirs| (other, theirs))
        });
        all.filter(|(_, theirs)| {
            // A thread may be of several: Identus' is that of a multi-use invitation.
            let (invitee, inviter) = match exchange.role() {
                Role::Invitee => (exchange, *theirs),
                _ => (*theirs, exchange),
            };
            !exchange.thread_id.is_empty()
                && theirs.thread_id == exchange.thread_id
                && theirs.role != exchange.role
                && invitee.my_did == inviter.their_did
        })
        .collect()
    }

    /// The other side of a connection.
    pub(crate) fn counterpart(
        &self,
        index: usize,
        id: &str,
    ) -> Option<(usize, &proto::Connection)> {
        let exchange = self.agents[index].watch.exchanges.get(id)?;
        let (other, theirs) = self.counterparts(index, exchange).into_iter().next()?;
        Some((other, self.agents[other].watch.connections.get(&theirs.id)?))
    }

    fn check_connection(&self, index: usize, mine: &proto::Connection) -> Checked {
        match self.counterpart(index, &mine.id) {
            Some((_, theirs))
                if theirs.my_did != mine.their_did || theirs.their_did != mine.my_did =>
            {
                broken(
                    "both sides of a connection know each other's DID",
                    format!("agent {index}: {mine:?}\nand the peer: {theirs:?}"),
                )
            }
            None if !self.weather.short && !self.weather.deletes => broken(
                "each exchange ends in one connection on both sides",
                format!("agent {index} alone has {mine:?}"),
            ),
            _ => Ok(()),
        }
    }

    /// Acceptances of invitations that carry one DID made one connection.
    fn check_reuse(&self, index: usize) -> Checked {
        if self.weather.second || self.weather.deletes || self.weather.short {
            return Ok(());
        }
        let mut by_did = BTreeMap::<&str, usize>::new();
        for made in &self.agents[index].watch.made {
            let exchange = self.agents[index].watch.exchanges.get(&made.id);
            let did = exchange.map_or("", |exchange| exchange.invitation_did.as_str());
            if made.role() == Role::Invitee && !did.is_empty() {
                *by_did.entry(did).or_default() += 1;
            }
        }
        match by_did.iter().find(|(_, count)| **count > 1) {
            Some((did, count)) => broken(
                "3: acceptances of invitations that carry one DID make one connection",
                format!("agent {index} made {count} with {did}"),
            ),
            None => Ok(()),
        }
    }

    /// What a caller was told is sent arrives, once and in order.
    fn check_messages(&self) -> Checked {
        if self.weather.deletes || self.weather.short {
            return Ok(());
        }
        for ((index, id), sent) in &self.sent {
            let Some((other, theirs)) = self.counterpart(*index, id) else { continue };
            let none = Vec::new();
            let came = self.agents[other].watch.messages.get(&theirs.id).unwrap_or(&none);
            let lost = sent.iter().find(|thread| !came.contains(thread));
            if let Some(thread) = lost {
                return broken(
                    "nothing that was accepted to be sent is lost",
                    format!("message {thread} of agent {index} did not reach agent {other}"),
                );
            }
        }
        Ok(())
    }

    pub(crate) fn check_pings(&self) -> Checked {
        for (agent, thread) in &self.pings {
            if !self.agents[*agent].watch.pongs.contains(thread) {
                return broken(
                    "a connection carries messages both ways",
                    format!("a ping of agent {agent} was not answered ({thread})"),
                );
            }
        }
        Ok(())
    }
}
