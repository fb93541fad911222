//! What happened, step by step. Two runs of a seed have the same trace: nothing in it is drawn at random, as ids and
//! keys are.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

/// How many steps are kept to be shown.
const KEPT: usize = 80;

#[derive(Default)]
pub struct Trace {
    hash: Sha256,
    last: VecDeque<String>,
    pub steps: usize,
    /// Prints each step as it is made.
    loud: bool,
}

impl Trace {
    pub fn new(loud: bool) -> Self {
        Self { loud, ..Self::default() }
    }

    pub fn add(&mut self, now: i64, step: &str) {
        let step = format!("{:6} {:>9.3} s  {step}", self.steps, seconds(now));
        if self.loud {
            println!("{step}");
        }
        self.hash.update(step.as_bytes());
        self.hash.update(b"\n");
        self.steps += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(step);
    }

    /// The last steps, the newest at the end.
    pub fn last(&self) -> String {
        self.last.iter().map(|step| format!("{step}\n")).collect()
    }

    pub fn hash(self) -> String {
        let hash = self.hash.finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "to be read by people")]
fn seconds(now: i64) -> f64 {
    (now - crate::world::BEGIN) as f64 / 1000.0
}
