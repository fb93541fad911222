//! One gateway at a time reads for a URL.

use std::time::Duration;

use entente_rpc::Status;
use entente_rpc::proto::event::v1::LeaseConsumerRequest;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Reader;

/// How long a lease holds without being renewed, and how often it is.
const LEASE: Duration = Duration::from_secs(4);
pub(super) const RENEWAL: Duration = Duration::from_secs(1);

impl Reader {
    /// Waits until this gateway is the one that reads.
    pub(super) async fn await_lease(&mut self) -> Result<(), Status> {
        while !self.lease(LEASE).await? {
            // Another gateway goes on from its own place.
            self.forget();
            sleep(RENEWAL).await;
        }
        Ok(())
    }

    /// Holds the lease on.
    pub(super) async fn renew_lease(&mut self) -> Result<(), Status> {
        if self.lease(LEASE).await? {
            return Ok(());
        }
        self.forget();
        Err(Status::aborted("another gateway reads for this webhook now"))
    }

    /// Lets another gateway read at once.
    pub(super) async fn give_lease_up(&mut self) {
        if let Err(error) = self.lease(Duration::ZERO).await {
            tracing::debug!(consumer = self.consumer(), %error, "the webhook's lease was not given up; it runs out");
        }
    }

    async fn lease(&mut self, duration: Duration) -> Result<bool, Status> {
        let request = self.shared.request(LeaseConsumerRequest {
            name: self.consumer(),
            holder: self.holder.clone(),
            duration: prost_types::Duration::try_from(duration).ok(),
        })?;
        let answer = self.shared.clients.events.clone().lease_consumer(request).await?;
        Ok(answer.into_inner().held)
    }

    /// Forgets where it was, and what is under way.
    fn forget(&mut self) {
        // Dropped, calls end.
        self.under_way = JoinSet::new();
        self.window = None;
        self.dead_letters.clear();
        self.replayed.clear();
        self.replaying.clear();
    }
}
