//! The schedule: who does what next, and who dies.

mod network;
mod outcomes;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use entente_rpc::DEFAULT_TENANT;
use entente_rpc::proto::connection::v1::Invitation;

use self::network::{Packet, Reply};
use crate::Violation;
use crate::calls::Call;
use crate::dice::Dice;
use crate::forgery::{self, Heard};
use crate::home::Home;
use crate::search::Search;
use crate::trace::Trace;
use crate::watch::Watch;
use crate::weather::Weather;
use crate::{actions, prying};

/// When every simulation begins.
pub const BEGIN: i64 = 1_800_000_000_000;
/// How many steps the troubled part of a simulation has at most, and the whole of it.
const STEPS: (usize, usize) = (1_500, 60_000);

pub(crate) type Checked = Result<(), Violation>;

/// A tenant of a process.
pub(crate) struct Agent {
    pub home: usize,
    pub tenant: String,
    pub watch: Watch,
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
    /// Whether it names what is another's.
    pub pries: bool,
}

pub(crate) struct World {
    pub dice: Dice,
    pub weather: Weather,
    pub now: i64,
    pub homes: Vec<Home>,
    pub agents: Vec<Agent>,
    /// Whose each record is, by its id.
    owners: BTreeMap<String, usize>,
    /// What forgers know.
    pub heard: Vec<Heard>,
    /// Where private keys are looked for, if they are.
    pub search: Option<Search>,
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
        crashes: world.homes.iter().map(|home| home.crashes).sum(),
        connections: world.agents.iter().map(|agent| agent.watch.made.len()).sum(),
        hash: world.trace.hash(),
        violation: violation.map(|violation| (violation, last)),
    }
}

impl World {
    fn new(dice: Dice, weather: Weather, loud: bool) -> Self {
        let nature = weather.nature();
        let agent = |index: usize| {
            let (home, neighbour) = (index % weather.processes, index / weather.processes);
            let tenant = match neighbour {
                0 => DEFAULT_TENANT.to_owned(),
                _ => format!("tenant-{neighbour}"),
            };
            Agent { home, tenant, watch: Watch::default() }
        };
        Self {
            homes: (0..weather.processes).map(|at| Home::found(at, BEGIN, nature)).collect(),
            agents: (0..weather.agents).map(agent).collect(),
            owners: BTreeMap::new(),
            heard: Vec::new(),
            search: weather.searches.then(Search::default),
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
        self.check_pings()?;
        self.search_files()
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
            many(self.weather.cuts && self.homes.len() > 1, 1),
            many(self.weather.forges && !self.heard.is_empty(), 5),
            many(self.weather.pries, 3),
            many(self.weather.asks, 4),
        ];
        if weights.iter().sum::<usize>() == 0 {
            return self.pass(1_000);
        }
        match self.dice.weighted(&weights) {
            0 => {
                let home = *self.dice.pick(&waiting);
                self.go_on(home, self.weather.crash)
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
            5 => {
                self.cut();
                Ok(())
            }
            6 => forgery::forge(self),
            7 => prying::pry(self),
            _ => actions::approve(self),
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
                        let home = *self.dice.pick(&waiting);
                        self.go_on(home, 0)?;
                    }
                    1 => self.deliver(0)?,
                    _ => self.reply(0, false)?,
                }
                continue;
            }
            let due = self.homes.iter_mut().filter_map(|home| home.inspector.due()).min();
            let Some(due) = due else { return self.check_rest() };
            self.pass((due - self.now).max(0) + 1_000)?;
        }
    }
}
