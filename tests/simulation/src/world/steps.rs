//! The steps that a process takes: a statement goes through, time passes, it is asked something, it dies.

use std::rc::Rc;
use std::time::Duration;

use entente_rpc::proto::event::v1::Event;
use entente_rpc::proto::event::v1::event::Record;
use entente_store::gate::Point;

use super::network::Packet;
use super::{Calling, Checked, World};
use crate::Violation;
use crate::calls::{self, Call};
use crate::process::{Process, Reader};
use crate::work::Done;

impl World {
    pub fn step(&mut self, text: &str) {
        self.trace.add(self.now, text);
    }

    pub(super) fn process(&self, home: usize) -> &Process {
        self.homes[home].process()
    }

    /// The processes with a statement that waits.
    pub(super) fn waiting(&self) -> Vec<usize> {
        let waits = |home: &usize| self.process(*home).turnstile().is_wanted();
        (0..self.homes.len()).filter(waits).collect()
    }

    /// Lets a statement of a process through, or ends the process there.
    pub(super) fn go_on(&mut self, home: usize, crash: usize) -> Checked {
        let points = self.process(home).turnstile().points();
        let at = self.dice.below(points.len());
        let (point, what) = &points[at];
        let chance = match point {
            Point::Statement => crash / 4,
            Point::Commit | Point::Committed => crash,
        };
        if chance > 0 && self.homes[home].crashes < 3 && self.dice.percent(chance) {
            self.step(&format!("process {home} dies before: {what}"));
            return self.crash(home);
        }
        self.step(&format!("process {home} {at}/{}: {what}", points.len()));
        self.process(home).turnstile().release(at);
        self.drive(home)
    }

    fn crash(&mut self, home: usize) -> Checked {
        self.learn_keys(home);
        self.homes[home].crash(home, self.now, self.weather.nature());
        for agent in 0..self.agents.len() {
            if self.agents[agent].home == home {
                self.agents[agent].watch.begin_anew();
                self.join(agent);
            }
        }
        let agents = &self.agents;
        self.calls.retain(|_, calling| agents[calling.agent].home != home);
        self.replies.retain(|reply| reply.from != home);
        // Whoever had a message with it learns nothing.
        self.handling.retain(|_, packet| packet.to != home);
        for packet in self.packets.iter_mut().chain(self.handling.values_mut()) {
            if packet.from == home {
                packet.taken = None;
            }
        }
        for index in 0..self.homes.len() {
            self.drive(index)?;
        }
        Ok(())
    }

    pub(super) fn pass(&mut self, time: i64) -> Checked {
        self.step(&format!("{time} ms pass"));
        self.now += time;
        for home in 0..self.homes.len() {
            let time = Duration::from_millis(time.unsigned_abs());
            self.process(home).pass(self.now, time);
            self.drive(home)?;
        }
        Ok(())
    }

    /// Begins a call.
    pub fn call(&mut self, agent: usize, call: Call, text: &str) -> Checked {
        self.begin(Calling { agent, call, pries: false }, text)
    }

    pub(crate) fn begin(&mut self, calling: Calling, text: &str) -> Checked {
        let number = self.number();
        let Calling { agent, call, .. } = &calling;
        let (agent, call) = (*agent, call.clone());
        self.step(&format!("call {number} of agent {agent}: {text}"));
        self.calls.insert(number, calling);
        let (home, tenant) = (self.agents[agent].home, self.agents[agent].tenant.clone());
        self.process(home).begin(|services| calls::call(number, services, tenant, call));
        self.drive(home)
    }

    /// Lets another reader of the events begin.
    pub fn read(&mut self, agent: usize) -> Checked {
        let number = self.join(agent);
        self.step(&format!("reader {number} of agent {agent} begins"));
        self.drive(self.agents[agent].home)
    }

    fn join(&mut self, agent: usize) -> usize {
        let number = self.agents[agent].watch.join();
        let Self { agents, homes, .. } = self;
        let reader = Reader { agent, number };
        homes[agents[agent].home].process().read(reader, &agents[agent].tenant);
        number
    }

    pub(crate) fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// Runs a process until it waits, and takes what it gives.
    pub(super) fn drive(&mut self, home: usize) -> Checked {
        let outlet = self.process(home).drive(self.now);
        if let Some(broken) = outlet.broken {
            let detail = format!("process {home}: {broken}");
            return Err(Violation { invariant: "9: a reader gets every event", detail });
        }
        self.search_bytes(&outlet.log);
        if !outlet.posted.is_empty() {
            // No statement was let through since: what is committed now was so when it was posted.
            let committed = Rc::new(self.homes[home].inspector.outbox());
            for posted in outlet.posted {
                let (number, to, envelope) = (self.number(), posted.to, posted.envelope);
                self.step(&format!("process {home} posts packet {number} to process {to}"));
                self.search_bytes(&envelope);
                let (committed, taken) = (committed.clone(), Some(posted.taken));
                let from = home;
                let packet = Packet { number, from, to, envelope, committed, taken, forged: false };
                self.packets.push(packet);
            }
        }
        for (reader, event) in outlet.events {
            self.belongs(reader.agent, &event)?;
            self.search_message(&event);
            if let Some(text) = self.agents[reader.agent].watch.take(reader.number, event)? {
                self.step(&format!("agent {} {text}", reader.agent));
            }
        }
        for done in outlet.done {
            match done {
                Done::Call(number, result) => self.called(number, result)?,
                Done::Packet(number, handled) => self.handled(number, handled)?,
            }
        }
        Ok(())
    }

    /// A record that one agent was shown is shown to no other.
    fn belongs(&mut self, agent: usize, event: &Event) -> Checked {
        let id = match &event.record {
            Some(Record::Exchange(exchange)) => &exchange.id,
            Some(Record::Connection(connection)) => &connection.id,
            Some(Record::Invitation(invitation)) => &invitation.id,
            Some(Record::Acceptance(acceptance)) => &acceptance.id,
            Some(Record::Reuse(_) | Record::Message(_)) | None => return Ok(()),
        };
        let owner = *self.owners.entry(id.clone()).or_insert(agent);
        if owner == agent {
            return Ok(());
        }
        Err(Violation {
            invariant: "8: nobody sees another's data",
            detail: format!("agent {agent} is told of {id}, which is agent {owner}'s"),
        })
    }
}
