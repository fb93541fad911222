//! Waiting for an acceptance to be decided.

use std::time::Duration;

use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::{Failure, duration_from_proto};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use crate::engine::{Answer, Engine};
use crate::feed::Batch;

/// The longest that an accept call waits.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// How soon a waiter looks after a word of another replica, and how often without one.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

impl Engine {
    /// Waits for an acceptance to be decided, at most `wait`, and not when the service drains: another replica can be
    /// asked what became of it.
    pub(super) async fn settle(
        &self,
        tenant: &str,
        mut acceptance: proto::Acceptance,
        wait: Duration,
        events: &mut Receiver<Batch>,
    ) -> Answer<proto::Acceptance> {
        let end = Instant::now() + wait;
        let mut drain = self.drain.clone();
        let mut connected = false;
        let mut look = Instant::now() + LOOK.1;
        loop {
            let pending = acceptance.state() == proto::AcceptanceState::Pending;
            let connecting = acceptance.state() == proto::AcceptanceState::Connecting && !connected;
            if !(pending || connecting) || wait.is_zero() {
                return Ok(acceptance);
            }
            let heard = tokio::select! {
                heard = timeout_at(end.min(look), events.recv()) => heard,
                _ = drain.wait_for(|drains| *drains) => return Ok(acceptance),
            };
            match heard {
                Err(_) if look < end => {
                    (acceptance, connected) = self.look_at(tenant, &acceptance).await?;
                    look = Instant::now() + LOOK.1;
                }
                Err(_) => return Ok(acceptance),
                // Another replica did something; there may be much of it.
                Ok(Ok(batch)) if *batch.tenant == *tenant && batch.events.is_empty() => {
                    look = look.min(Instant::now() + LOOK.0);
                }
                Ok(Ok(batch)) if *batch.tenant == *tenant => {
                    for event in batch.events.iter() {
                        match &event.record {
                            Some(Record::Acceptance(changed)) if changed.id == acceptance.id => {
                                acceptance = changed.clone();
                            }
                            Some(Record::Connection(made)) if made.id == acceptance.exchange_id => {
                                connected = true
                            }
                            _ => {}
                        }
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(_))) => {
                    (acceptance, connected) = self.look_at(tenant, &acceptance).await?;
                }
                Ok(Err(RecvError::Closed)) => return Ok(acceptance),
            }
        }
    }

    /// An acceptance as it is stored, and whether its connection is there.
    async fn look_at(
        &self,
        tenant: &str,
        acceptance: &proto::Acceptance,
    ) -> Answer<(proto::Acceptance, bool)> {
        let acceptance = self.get_acceptance(tenant, &acceptance.id).await?;
        let connection = self.store.connection(tenant, &acceptance.exchange_id).await?;
        Ok((acceptance, connection.is_some()))
    }
}

pub(super) fn wait_of(request: &proto::AcceptInvitationRequest) -> Answer<Duration> {
    let Some(wait) = &request.wait else { return Ok(Duration::ZERO) };
    let milliseconds = duration_from_proto(wait).and_then(|wait| u64::try_from(wait).ok());
    let wait = milliseconds.ok_or_else(|| Failure::field("wait", "is negative"))?;
    Ok(Duration::from_millis(wait).min(MAX_WAIT))
}
