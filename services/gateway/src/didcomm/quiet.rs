//! Answers that tell nothing, by their time either.
//!
//! A message that had no effect is answered in the same words, whatever was wrong with it. How long it took to find that out
//! tells more: a key of ours opens an envelope where another is only looked for, what is shared with a known sender is
//! remembered, and what was opened is looked up in the tables. So such an answer waits for the next of moments that lie a
//! fixed time apart, counted from when the message was there.

mod alarm;

pub(crate) use alarm::Alarm;

use std::time::{Duration, Instant};

use super::inbound::Outcome;
use crate::gateway::Shared;

/// How far apart those moments are: more than it takes to handle a message on a machine that has work to do.
const APART: Duration = Duration::from_millis(50);

/// When a message was there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival(Instant);

impl Arrival {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Waits where the outcome must not be told by time. What others need is given back before.
    pub(super) async fn hold(self, shared: &Shared, outcome: &Outcome) {
        if let Outcome::Quiet { .. } = outcome {
            shared.metrics.held_back();
            shared.alarm.wait(self.next(Instant::now())).await;
        }
    }

    /// The first of the moments after this one.
    fn next(self, now: Instant) -> Instant {
        let passed = now.saturating_duration_since(self.0).as_nanos() / APART.as_nanos();
        let moments = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
        self.0 + APART.saturating_mul(moments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_wait_for_the_same_moments_however_long_they_took() {
        let arrival = Arrival::now();
        let after = |milliseconds| arrival.0 + Duration::from_millis(milliseconds);
        for (took, held) in [(0, 50), (1, 50), (49, 50), (50, 100), (51, 100), (120, 150)] {
            assert_eq!(arrival.next(after(took)), after(held), "{took}");
        }
    }
}
