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
    /// Whether somebody else wrote it than who sends it.
    pub(super) forged: bool,
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
    /// Puts on its way what somebody made.
    pub(super) fn post(&mut self, to: usize, envelope: Bytes) {
        let number = self.number();
        self.step(&format!("packet {number} to process {to} is forged"));
        let committed = Rc::default();
        // From nowhere: nobody waits for an answer, and no cut is in its way.
        let from = usize::MAX;
        let packet = Packet { number, from, to, envelope, committed, taken: None, forged: true };
        self.packets.push(packet);
    }

    /// Does with a packet what the network does.
    pub(super) fn carry(&mut self, at: usize) -> Checked {
        let Packet { from, to, number, .. } = self.packets[at];
        if self.cuts.contains(&(from, to)) || self.dice.percent(self.weather.lose) {
            let mut packet = self.packets.swap_remove(at);
            self.step(&format!("packet {number} is lost"));
            return match packet.taken.take() {
                Some(_) => self.drive(from),
                None => Ok(()),
            };
        }
        if self.dice.percent(self.weather.duplicate) {
            let Packet { envelope, committed, forged, .. } = &self.packets[at];
            let (envelope, committed, forged) = (envelope.clone(), committed.clone(), *forged);
            let number = self.number();
            self.step(&format!("packet {number} is a copy"));
            let taken = None;
            self.packets.push(Packet { number, from, to, envelope, committed, taken, forged });
        }
        self.deliver(at)
    }

    pub(super) fn deliver(&mut self, at: usize) -> Checked {
        let packet = self.packets.swap_remove(at);
        let (number, to, envelope) = (packet.number, packet.to, packet.envelope.clone());
        self.step(&format!("packet {number} reaches process {to}"));
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
        let homes = self.homes.len();
        let from = self.dice.below(homes);
        let to = (from + 1 + self.dice.below(homes - 1)) % homes;
        if !self.cuts.remove(&(from, to)) {
            self.cuts.insert((from, to));
        }
        self.step(&format!("cuts: {:?}", self.cuts));
    }
}
