//! placeholder
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a simulation that cannot go on ends")]
#![allow(missing_docs, reason = "")]

mod actions;
mod dice;
mod ending;
mod inspector;
mod post;
mod process;
mod trace;
mod turnstile;
mod watch;
mod weather;
mod work;
mod world;

pub use world::{Outcome, run};

/// An invariant that did not hold.
#[derive(Debug)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}
