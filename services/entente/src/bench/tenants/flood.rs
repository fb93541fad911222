//! A tenant that calls as fast as it is answered, and comes again at once when it is refused.

use entente_rpc::{ErrorReason, Failure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::BenchError;
use super::super::agent::Agent;
use super::tenant::Tenant;

/// Calls under way at the same time.
const AT_ONCE: usize = 128;

pub(super) struct Flood(Tenant);

/// What became of its calls.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) taken: u64,
    pub(super) refused: u64,
}

/// A flood that goes on.
pub(super) struct Running {
    stop: watch::Sender<bool>,
    callers: JoinSet<Result<Count, BenchError>>,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.refused += other.refused;
    }
}

impl Flood {
    /// A tenant with a connection of its own.
    pub(super) async fn new(agent: &Agent) -> Result<Self, BenchError> {
        Tenant::create(&agent.api, agent.another_api()?, "flood".to_owned()).await.map(Self)
    }

    pub(super) fn start(&self) -> Running {
        let stop = watch::Sender::new(false);
        let mut callers = JoinSet::new();
        for _ in 0..AT_ONCE {
            callers.spawn(call(self.0.clone(), stop.subscribe()));
        }
        Running { stop, callers }
    }
}

impl Running {
    pub(super) async fn stop(self) -> Result<Count, BenchError> {
        self.stop.send_replace(true);
        let mut all = Count::default();
        for count in self.callers.join_all().await {
            all.add(count?);
        }
        Ok(all)
    }
}

async fn call(tenant: Tenant, stop: watch::Receiver<bool>) -> Result<Count, BenchError> {
    let mut count = Count::default();
    while !*stop.borrow() {
        match tenant.invite().await {
            Ok(()) => count.taken += 1,
            Err(status) if Failure::of(&status).reason == ErrorReason::RateLimited => {
                count.refused += 1;
            }
            Err(status) => return Err(BenchError::during("flood")(status)),
        }
    }
    Ok(count)
}
