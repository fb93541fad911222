//! A tenant that calls as fast as it is answered.

use entente_rpc::{ErrorReason, Failure};
use tokio::sync::watch;

use super::super::BenchError;
use super::super::agent::Agent;
use super::super::flood::{Count, Flood};
use super::tenant::Tenant;

/// Calls under way at the same time.
const AT_ONCE: usize = 128;

pub(super) struct Flooder(Tenant);

impl Flooder {
    /// A tenant with a connection of its own.
    pub(super) async fn new(agent: &Agent) -> Result<Self, BenchError> {
        Tenant::create(&agent.api, agent.another_api()?, "flood".to_owned()).await.map(Self)
    }

    pub(super) fn start(&self) -> Flood {
        Flood::start(AT_ONCE, |stop| call(self.0.clone(), stop))
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
