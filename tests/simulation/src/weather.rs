//! What a simulation is like. Each seed leaves out some of what may happen, so that the rest is seen undisturbed.

use std::time::Duration;

use crate::dice::Dice;
use crate::process::Nature;

#[derive(Debug, Clone)]
pub struct Weather {
    pub agents: usize,
    /// How many processes they are in: tenants share one.
    pub processes: usize,
    /// How many things the owners do.
    pub actions: usize,
    /// In percent: messages and answers that are lost.
    pub lose: usize,
    /// Messages that come twice.
    pub duplicate: usize,
    /// Commits at which an agent dies.
    pub crash: usize,
    /// Whether links between agents break and come back.
    pub cuts: bool,
    /// Whether handshakes run out of time.
    pub short: bool,
    /// Whether owners delete, reject and revoke.
    pub deletes: bool,
    /// Whether an acceptance may make a second connection with the same agent.
    pub second: bool,
    /// Whether owners take new DIDs.
    pub rotates: bool,
    /// Whether owners decide on each handshake themselves.
    pub asks: bool,
    /// Whether somebody forges messages.
    pub forges: bool,
    /// Whether callers name what is another's.
    pub pries: bool,
    /// Whether all that comes out is searched for private keys.
    pub searches: bool,
    /// Which handshakes are offered: all, or one kind.
    pub handshakes: usize,
}

impl Weather {
    pub fn of(dice: &mut Dice) -> Self {
        let agents = *dice.pick(&[2, 2, 2, 2, 3, 3, 4, 5]);
        Self {
            agents,
            processes: if dice.percent(70) { agents } else { 1 + dice.below(agents - 1) },
            actions: 4 + dice.below(7),
            lose: *dice.pick(&[0, 0, 10, 30]),
            duplicate: *dice.pick(&[0, 10, 30]),
            crash: *dice.pick(&[0, 3, 10]),
            cuts: dice.percent(40),
            short: dice.percent(15),
            deletes: dice.percent(30),
            second: dice.percent(20),
            rotates: dice.percent(50),
            asks: dice.percent(25),
            forges: dice.percent(40),
            pries: dice.percent(25),
            searches: dice.percent(15),
            handshakes: dice.below(6),
        }
    }

    pub fn nature(&self) -> Nature {
        let minutes = if self.short { 1 } else { 600 };
        Nature {
            handshake: Duration::from_secs(minutes * 60),
            reuse: Duration::from_secs(15),
            logs: self.searches,
        }
    }
}
