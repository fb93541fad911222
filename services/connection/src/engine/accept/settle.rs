//! Waiting for an acceptance to be decided.

use std::time::Duration;

use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::{Failure, duration_from_proto};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::engine::{Answer, Engine};
use crate::feed::Batch;

/// The longest that an accept call waits.
const MAX_WAIT: Duration = Duration::from_secs(30);

impl Engine {
    /// Waits for an acceptance to be decided, at most `wait`.
    pub(super) async fn settle(
        &self,
        tenant: &str,
        mut acceptance: proto::Acceptance,
        wait: Duration,
        events: &mut Receiver<Batch>,
    ) -> Answer<proto::Acceptance> {
        let end = tokio::time::Instant::now() + wait;
        let mut connected = false;
        loop {
            let pending = acceptance.state() == proto::AcceptanceState::Pending;
            let connecting = acceptance.state() == proto::AcceptanceState::Connecting && !connected;
            if !(pending || connecting) || wait.is_zero() {
                return Ok(acceptance);
            }
            match tokio::time::timeout_at(end, events.recv()).await {
                Err(_) => return Ok(acceptance),
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
                    acceptance = self.get_acceptance(tenant, &acceptance.id).await?;
                    connected =
                        self.store.connection(tenant, &acceptance.exchange_id).await?.is_some();
                }
                Ok(Err(RecvError::Closed)) => return Ok(acceptance),
            }
        }
    }
}

pub(super) fn wait_of(request: &proto::AcceptInvitationRequest) -> Answer<Duration> {
    let Some(wait) = &request.wait else { return Ok(Duration::ZERO) };
    let milliseconds = duration_from_proto(wait).and_then(|wait| u64::try_from(wait).ok());
    let wait = milliseconds.ok_or_else(|| Failure::field("wait", "is negative"))?;
    Ok(Duration::from_millis(wait).min(MAX_WAIT))
}
