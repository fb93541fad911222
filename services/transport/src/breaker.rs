//! A circuit breaker: after enough failures in a row it spares the host for a while, then lets one try through.

use std::time::{Duration, Instant};

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open the first time. Each failed try doubles it.
    pub backoff: Duration,
    /// The longest it stays open.
    pub max_backoff: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, backoff: Duration::from_secs(1), max_backoff: Duration::from_secs(60) }
    }
}

/// What a breaker does with the next delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        backoff: Duration,
    },
    /// One try is under way.
    HalfOpen {
        backoff: Duration,
    },
}

/// A breaker. Pure: the time comes in.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: State,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed { failures: 0 } }
    }

    /// Whether a delivery may go on now. If so, one of [`Breaker::succeed`], [`Breaker::fail`] and [`Breaker::abandon`]
    /// must follow.
    ///
    /// # Errors
    /// How long to wait at least.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, .. } if now < until => Err(until - now),
            State::Open { backoff, .. } => {
                self.state = State::HalfOpen { backoff };
                Ok(())
            }
            State::HalfOpen { backoff } => Err(backoff),
        }
    }

    /// The host answered.
    pub(crate) fn succeed(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// The host did not answer.
    pub(crate) fn fail(&mut self, now: Instant) {
        let open = |backoff: Duration| State::Open { until: now + backoff, backoff };
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.settings.failures => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => open(self.settings.backoff.min(self.settings.max_backoff)),
            State::HalfOpen { backoff } => {
                open(backoff.saturating_mul(2).min(self.settings.max_backoff))
            }
            // It was under way when another one opened the breaker.
            State::Open { .. } => self.state,
        };
    }

    /// The delivery was given up without an answer; nothing was learnt. Another may try at once.
    pub(crate) fn abandon(&mut self, now: Instant) {
        if let State::HalfOpen { backoff } = self.state {
            self.state = State::Open { until: now, backoff };
        }
    }

    /// Whether it keeps deliveries back.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests;
