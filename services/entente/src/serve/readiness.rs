//! Whether this process wants calls: its stores answer, and no stop has begun.

use std::sync::Arc;
use std::time::Duration;

use entente_rpc::Health;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::services::Services;

/// How often the stores are asked.
const LOOK: Duration = Duration::from_secs(1);
/// How long they may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// So many answers that did not come make a store that is away: one alone may be a connection that broke.
const MISSED: u32 = 2;

/// Where a process is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes calls.
    Serving,
    /// It takes calls, and asks not to be given more.
    Draining,
    /// It takes none.
    Stopping,
}

/// Tells who asks for health, until a stop begins.
pub(super) async fn watch(
    services: Arc<Services>,
    health: Health,
    mut phase: watch::Receiver<Phase>,
) {
    let looking = async {
        let mut missed = 0;
        loop {
            let ready = are_ready(&services).await;
            missed = if ready { 0 } else { missed + 1 };
            if missed == MISSED {
                tracing::warn!("the database does not answer; calls are not welcome until it does");
            }
            health.set(missed < MISSED);
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = looking => {}
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => health.set(false),
    }
}

/// Whether the stores of the services answer.
pub(super) async fn are_ready(services: &Services) -> bool {
    timeout(ANSWER, services.are_ready()).await.unwrap_or(false)
}
