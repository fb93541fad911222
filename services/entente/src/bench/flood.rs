//! One who calls as fast as it is answered, and comes again at once when it is refused.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::BenchError;

/// What became of its calls.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) taken: u64,
    pub(super) refused: u64,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.refused += other.refused;
    }
}

/// A flood that goes on.
pub(super) struct Flood {
    stop: watch::Sender<bool>,
    callers: JoinSet<Result<Count, BenchError>>,
}

impl Flood {
    /// Callers, each of which goes on until what it is given is true.
    pub(super) fn start<F>(at_once: usize, caller: impl Fn(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = Result<Count, BenchError>> + Send + 'static,
    {
        let stop = watch::Sender::new(false);
        let mut callers = JoinSet::new();
        for _ in 0..at_once {
            callers.spawn(caller(stop.subscribe()));
        }
        Self { stop, callers }
    }

    pub(super) async fn stop(self) -> Result<Count, BenchError> {
        self.stop.send_replace(true);
        let mut all = Count::default();
        for count in self.callers.join_all().await {
            all.add(count?);
        }
        Ok(all)
    }
}
