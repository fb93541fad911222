//! What the network does with the messages.

use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Checked, World};
use crate::work;

/// A message on its way.
pub(super) struct Packet {
    pub(super) number: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) envelope: Bytes,
    /// What the sender's outbox held, committed, when it was posted.
    pub(super) committed: Rc<BTreeSet<String>>,
    /// The sender, while it waits for the answer.
    pub(super) taken: Option<oneshot::Sender<bool>>,
}

/// The answer to a message on its way.
pub(super) struct Reply {
    pub(super) number: usize,
    pub(super) from: usize,
    pub(super) taken: oneshot::Sender<bool>,
    pub(super) is_taken: bool,
}

impl World {
    /// Does with a packet what the network does.
    pub(super) fn carry(&mut self, at: usize) -> Checked {
        let Packet { from, to, number, .. } = self.packets[at];
        if self.cuts.contains(&(from, to)) || self.dice.percent(self.weather.lose) {
            let mut packet = self.packets.swap_remove(at);
            self.step(&format!("packet {number} is lost"));
            drop(packet.taken.take());
            return self.drive(from);
        }
        if self.dice.percent(self.weather.duplicate) {
            let Packet { envelope, committed, .. } = &self.packets[at];
            let (envelope, committed) = (envelope.clone(), committed.clone());
            let number = self.number();
            self.step(&format!("packet {number} is a copy"));
            self.packets.push(Packet { number, from, to, envelope, committed, taken: None });
        }
        self.deliver(at)
    }

    pub(super) fn deliver(&mut self, at: usize) -> Checked {
        let packet = self.packets.swap_remove(at);
        let (number, to, envelope) = (packet.number, packet.to, packet.envelope.clone());
        self.step(&format!("packet {number} reaches agent {to}"));
        self.handling.insert(number, packet);
        self.process(to).begin(|services| work::handle(number, services, envelope));
        self.drive(to)
    }

    pub(super) fn reply(&mut self, at: usize, lose: bool) -> Checked {
        let Reply { number, from, taken, is_taken } = self.replies.swap_remove(at);
        let what = if lose { "is lost" } else { "arrives" };
        self.step(&format!("the answer to packet {number} {what}"));
        if !lose {
            // It may not wait for it any more.
            let _ = taken.send(is_taken);
        }
        self.drive(from)
    }

    pub(super) fn cut(&mut self) {
        let agents = self.agents.len();
        let from = self.dice.below(agents);
        let to = (from + 1 + self.dice.below(agents - 1)) % agents;
        if !self.cuts.remove(&(from, to)) {
            self.cuts.insert((from, to));
        }
        self.step(&format!("cuts: {:?}", self.cuts));
    }
}
