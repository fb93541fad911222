//! How much may be repeated in all: when most calls fail, repeating them is what keeps a service down.

use std::sync::atomic::{AtomicU32, Ordering};

/// The tokens at the start and at most; a failure takes one, and nothing is repeated below the half (gRPC A6).
pub const MAX_TOKENS: u32 = 100;
/// What a success gives back, in tenths of a token.
pub const TOKENS_OF_SUCCESS: u32 = 1;

const TENTHS: u32 = 10;

/// The retry budget of a link.
#[derive(Debug)]
pub(super) struct Budget {
    tenths: AtomicU32,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { tenths: AtomicU32::new(MAX_TOKENS * TENTHS) }
    }

    pub(super) fn succeeded(&self) {
        self.change(|tenths| (tenths + TOKENS_OF_SUCCESS).min(MAX_TOKENS * TENTHS));
    }

    /// Takes a token. Whether the call may be repeated.
    pub(super) fn failed(&self) -> bool {
        self.change(|tenths| tenths.saturating_sub(TENTHS)) > MAX_TOKENS * TENTHS / 2
    }

    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        let update = |tenths| Some(change(tenths)).filter(|changed| *changed != tenths);
        match self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update) {
            Ok(before) => change(before),
            Err(same) => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_use_it_up_and_successes_give_it_back() {
        let budget = Budget::new();
        let repeated = (0..200).filter(|_| budget.failed()).count();
        assert_eq!(repeated, 49);
        for _ in 0..505 {
            budget.succeeded();
            budget.succeeded();
        }
        assert!(budget.failed());
    }
}
