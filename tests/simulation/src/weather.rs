//! What a simulation is like. Each seed leaves out some of what may happen, so that the rest is seen undisturbed.

use std::time::Duration;

use crate::dice::Dice;
use crate::process::Patience;

#[derive(Debug, Clone)]
pub struct Weather {
    pub agents: usize,
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
    /// Which handshakes are offered: all, or one kind.
    pub handshakes: usize,
}

impl Weather {
    pub fn of(dice: &mut Dice) -> Self {
        Self {
            agents: *dice.pick(&[2, 2, 2, 2, 3, 3, 4, 5]),
            actions: 4 + dice.below(7),
            lose: *dice.pick(&[0, 0, 10, 30]),
            duplicate: *dice.pick(&[0, 10, 30]),
            crash: *dice.pick(&[0, 3, 10]),
            cuts: dice.percent(40),
            short: dice.percent(15),
            deletes: dice.percent(30),
            second: dice.percent(20),
            rotates: dice.percent(50),
            handshakes: dice.below(6),
        }
    }

    pub fn patience(&self) -> Patience {
        let minutes = if self.short { 1 } else { 600 };
        Patience { handshake: Duration::from_secs(minutes * 60), reuse: Duration::from_secs(15) }
    }
}
