//! A process in the world, and what is known of it from outside.

use crate::inspector::Inspector;
use crate::process::{Nature, Process};

/// A process, which crashes and comes back.
pub(crate) struct Home {
    process: Option<Process>,
    pub inspector: Inspector,
    pub crashes: usize,
}

impl Home {
    /// A new one.
    pub fn found(index: usize, now: i64, nature: Nature) -> Self {
        let process = Process::found(index, now, nature);
        let inspector = Inspector::of(&process.database());
        Self { process: Some(process), inspector, crashes: 0 }
    }

    /// The process that there is now.
    pub fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    /// Ends the process as it is, and begins another on what that left.
    pub fn crash(&mut self, index: usize, now: i64, nature: Nature) {
        let process = self.process.take().unwrap().crash(index, now, nature);
        self.inspector = Inspector::of(&process.database());
        self.process = Some(process);
        self.crashes += 1;
    }
}
