//! The schedule: who does what next, and who dies.

mod network;
mod outcomes;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use entente_rpc::proto::connection::v1::Invitation;
use entente_store::gate::Point;

use self::network::{Packet, Reply};
use crate::Violation;
use crate::actions;
use crate::dice::Dice;
use crate::inspector::Inspector;
use crate::process::Process;
use crate::trace::Trace;
use crate::watch::Watch;
use crate::weather::Weather;
use crate::work::{self, Call, Done};

/// When every simulation begins.
pub const BEGIN: i64 = 1_800_000_000_000;
/// How many steps the troubled part of a simulation has at most, and the whole of it.
const STEPS: (usize, usize) = (1_500, 60_000);

pub(crate) type Checked = Result<(), Violation>;

pub(crate) struct Agent {
    process: Option<Process>,
    inspector: Inspector,
    pub watch: Watch,
    crashes: usize,
}

/// An invitation that was handed out.
pub(crate) struct Offer {
    pub owner: usize,
    pub invitation: Invitation,
}

/// A call under way.
pub(crate) struct Calling {
    pub agent: usize,
    pub call: Call,
}

pub(crate) struct World {
    pub dice: Dice,
    pub weather: Weather,
    pub now: i64,
    pub agents: Vec<Agent>,
    pub offers: Vec<Offer>,
    /// What the callers sent on connections, and were told that it was: thread by connection.
    pub sent: BTreeMap<(usize, String), Vec<String>>,
    pub pings: Vec<(usize, String)>,
    packets: Vec<Packet>,
    handling: BTreeMap<usize, Packet>,
    replies: Vec<Reply>,
    calls: BTreeMap<usize, Calling>,
    numbers: usize,
    /// Between whom nothing comes through.
    cuts: BTreeSet<(usize, usize)>,
    /// Messages that had their effect: receiver, sender, id.
    had_effect: BTreeSet<(usize, usize, String)>,
    actions: usize,
    trace: Trace,
}

/// How a simulation ended.
pub struct Outcome {
    pub seed: u64,
    /// Of the trace: two runs of a seed have the same.
    pub hash: String,
    pub steps: usize,
    pub crashes: usize,
    pub connections: usize,
    /// The invariant that did not hold, with the last steps.
    pub violation: Option<(Violation, String)>,
}

/// Runs the simulation of a seed.
pub fn run(seed: u64, loud: bool) -> Outcome {
    let mut dice = Dice::of(seed);
    let weather = Weather::of(&mut dice);
    let mut world = World::new(dice, weather, loud);
    let text = format!("seed {seed}: {:?}", world.weather);
    world.step(&text);
    let violation = world.live().err();
    let last = world.trace.last();
    Outcome {
        seed,
        steps: world.trace.steps,
        crashes: world.agents.iter().map(|agent| agent.crashes).sum(),
        connections: world.agents.iter().map(|agent| agent.watch.made.len()).sum(),
        hash: world.trace.hash(),
        violation: violation.map(|violation| (violation, last)),
    }
}

impl World {
    fn new(dice: Dice, weather: Weather, loud: bool) -> Self {
        let found = |index| {
            let process = Process::found(index, BEGIN, weather.patience());
            let inspector = Inspector::of(&process.database());
            Agent { process: Some(process), inspector, watch: Watch::default(), crashes: 0 }
        };
        Self {
            agents: (0..weather.agents).map(found).collect(),
            actions: weather.actions,
            dice,
            weather,
            now: BEGIN,
            offers: Vec::new(),
            sent: BTreeMap::new(),
            pings: Vec::new(),
            packets: Vec::new(),
            handling: BTreeMap::new(),
            replies: Vec::new(),
            calls: BTreeMap::new(),
            numbers: 0,
            cuts: BTreeSet::new(),
            had_effect: BTreeSet::new(),
            trace: Trace::new(loud),
        }
    }

    fn live(&mut self) -> Checked {
        for agent in 0..self.agents.len() {
            self.read(agent)?;
        }
        while self.actions > 0 && self.trace.steps < STEPS.0 {
            self.trouble()?;
        }
        for _ in 0..self.dice.below(200) {
            self.trouble()?;
        }
        self.step("the network heals, and nobody dies any more");
        self.cuts.clear();
        self.come_to_rest()?;
        self.check_end()?;
        self.step("every connection is tried");
        actions::try_connections(self)?;
        self.come_to_rest()?;
        self.check_pings()
    }

    /// One step, while anything may go wrong.
    fn trouble(&mut self) -> Checked {
        let waiting = self.waiting();
        let time = if waiting.is_empty() { 8 } else { 0 };
        let many = |is: bool, weight| if is { weight } else { 0 };
        let weights = [
            many(!waiting.is_empty(), 60),
            many(!self.packets.is_empty(), 15),
            many(!self.replies.is_empty(), 15),
            // Mostly there is time for what was begun before.
            many(self.actions > 0, if waiting.is_empty() { 10 } else { 2 }),
            time,
            many(self.weather.cuts, 1),
        ];
        if weights.iter().sum::<usize>() == 0 {
            return self.pass(1_000);
        }
        match self.dice.weighted(&weights) {
            0 => {
                let agent = *self.dice.pick(&waiting);
                self.go_on(agent, self.weather.crash)
            }
            1 => {
                let at = self.dice.below(self.packets.len());
                self.carry(at)
            }
            2 => {
                let at = self.dice.below(self.replies.len());
                let lose = self.dice.percent(self.weather.lose);
                self.reply(at, lose)
            }
            3 => {
                self.actions -= 1;
                actions::act(self)
            }
            4 => {
                let time = *self.dice.pick(&[1, 5, 21, 21, 100, 1_000, 1_000, 3_000, 20_000]);
                self.pass(time)
            }
            _ => {
                self.cut();
                Ok(())
            }
        }
    }

    /// Lets everything happen that is to happen, and time pass until nothing is due any more.
    fn come_to_rest(&mut self) -> Checked {
        loop {
            if self.trace.steps > STEPS.1 {
                return Err(Violation {
                    invariant: "every exchange ends",
                    detail: "the agents do not come to rest".to_owned(),
                });
            }
            let waiting = self.waiting();
            let weights = [waiting.len(), self.packets.len(), self.replies.len()];
            if weights.iter().sum::<usize>() > 0 {
                match self.dice.weighted(&weights) {
                    0 => {
                        let agent = *self.dice.pick(&waiting);
                        self.go_on(agent, 0)?;
                    }
                    1 => self.deliver(0)?,
                    _ => self.reply(0, false)?,
                }
                continue;
            }
            let due = self.agents.iter_mut().filter_map(|agent| agent.inspector.due()).min();
            let Some(due) = due else { return Ok(()) };
            self.pass((due - self.now).max(0) + 1_000)?;
        }
    }

    pub fn step(&mut self, text: &str) {
        self.trace.add(self.now, text);
    }

    fn process(&self, agent: usize) -> &Process {
        self.agents[agent].process.as_ref().unwrap()
    }

    /// The agents with a statement that waits.
    fn waiting(&self) -> Vec<usize> {
        let waits = |agent: &usize| self.process(*agent).turnstile().is_wanted();
        (0..self.agents.len()).filter(waits).collect()
    }

    /// Lets a statement of an agent through, or ends the agent there.
    fn go_on(&mut self, agent: usize, crash: usize) -> Checked {
        let points = self.process(agent).turnstile().points();
        let at = self.dice.below(points.len());
        let (point, what) = &points[at];
        let chance = match point {
            Point::Statement => crash / 4,
            Point::Commit | Point::Committed => crash,
        };
        if chance > 0 && self.agents[agent].crashes < 3 && self.dice.percent(chance) {
            self.step(&format!("agent {agent} dies before: {what}"));
            return self.crash(agent);
        }
        self.step(&format!("agent {agent} {at}/{}: {what}", points.len()));
        self.process(agent).turnstile().release(at);
        self.drive(agent)
    }

    fn crash(&mut self, agent: usize) -> Checked {
        let process = self.agents[agent].process.take().unwrap();
        let process = process.crash(agent, self.now, self.weather.patience());
        let here = &mut self.agents[agent];
        here.inspector = Inspector::of(&process.database());
        here.process = Some(process);
        here.crashes += 1;
        here.watch.begin_anew();
        let reader = here.watch.join();
        self.process(agent).read(reader);
        self.calls.retain(|_, calling| calling.agent != agent);
        self.replies.retain(|reply| reply.from != agent);
        // Whoever had a message with it learns nothing.
        self.handling.retain(|_, packet| packet.to != agent);
        for packet in self.packets.iter_mut().chain(self.handling.values_mut()) {
            if packet.from == agent {
                packet.taken = None;
            }
        }
        for index in 0..self.agents.len() {
            self.drive(index)?;
        }
        Ok(())
    }

    fn pass(&mut self, time: i64) -> Checked {
        self.step(&format!("{time} ms pass"));
        self.now += time;
        for agent in 0..self.agents.len() {
            let time = Duration::from_millis(time.unsigned_abs());
            self.process(agent).pass(self.now, time);
            self.drive(agent)?;
        }
        Ok(())
    }

    /// Begins a call.
    pub fn call(&mut self, agent: usize, call: Call, text: &str) -> Checked {
        let number = self.number();
        self.step(&format!("call {number} of agent {agent}: {text}"));
        self.calls.insert(number, Calling { agent, call: call.clone() });
        self.process(agent).begin(|services| work::call(number, services, call));
        self.drive(agent)
    }

    /// Lets another reader of the events begin.
    pub fn read(&mut self, agent: usize) -> Checked {
        let reader = self.agents[agent].watch.join();
        self.step(&format!("reader {reader} of agent {agent} begins"));
        self.process(agent).read(reader);
        self.drive(agent)
    }

    fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// Runs an agent until it waits, and takes what it gives.
    fn drive(&mut self, agent: usize) -> Checked {
        let outlet = self.process(agent).drive(self.now);
        if let Some(broken) = outlet.broken {
            let detail = format!("agent {agent}: {broken}");
            return Err(Violation { invariant: "9: a reader gets every event", detail });
        }
        if !outlet.posted.is_empty() {
            // No statement was let through since: what is committed now was so when it was posted.
            let committed = Rc::new(self.agents[agent].inspector.outbox());
            for posted in outlet.posted {
                let (number, to, envelope) = (self.number(), posted.to, posted.envelope);
                self.step(&format!("agent {agent} posts packet {number} to agent {to}"));
                let (committed, taken) = (committed.clone(), Some(posted.taken));
                let from = agent;
                self.packets.push(Packet { number, from, to, envelope, committed, taken });
            }
        }
        for (reader, event) in outlet.events {
            if let Some(text) = self.agents[agent].watch.take(reader, event)? {
                self.step(&format!("agent {agent} {text}"));
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
}
