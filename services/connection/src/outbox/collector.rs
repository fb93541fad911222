use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{LaneKey, Outbox};

/// Who waits for the messages of a lane, instead of an endpoint. Nothing is tried in vain meanwhile.
pub(crate) struct Collector {
    outbox: Outbox,
    lane: LaneKey,
    arrived: Arc<Notify>,
}

impl Outbox {
    /// Waits for the messages of a lane until it is dropped.
    pub fn collector(&self, tenant: &str, lane: &str) -> Collector {
        let lane = (tenant.to_owned(), lane.to_owned());
        let arrived = Arc::clone(self.lanes().collectors.entry(lane.clone()).or_default());
        Collector { outbox: self.clone(), lane, arrived }
    }
}

impl Collector {
    /// The next message's arrival, also before this is awaited for the first time.
    pub fn arrival(&self) -> Notified<'_> {
        self.arrived.notified()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let mut lanes = self.outbox.lanes();
        // The table's and this one's.
        if Arc::strong_count(&self.arrived) <= 2 {
            lanes.collectors.remove(&self.lane);
        }
    }
}
