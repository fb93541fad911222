//! Fresh events for those who wait: a hint that is never the truth. Who misses some reads the log.

use std::sync::Arc;

use entente_rpc::proto::event::v1::Event;
use tokio::sync::broadcast;

/// How many fresh batches a waiter may be behind before it must read the log.
const BACKLOG: usize = 1024;

/// The committed events of one work; none where another process has committed some.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub tenant: Arc<str>,
    pub events: Arc<[Event]>,
}

/// Tells waiters of committed events.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    sender: broadcast::Sender<Batch>,
}

impl Feed {
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }

    /// Tells of committed events.
    pub fn publish(&self, tenant: &str, events: Vec<Event>) {
        if !events.is_empty() {
            // Nobody may be listening.
            let _ = self.sender.send(Batch { tenant: tenant.into(), events: events.into() });
        }
    }

    /// Tells that another process has committed events.
    pub fn hint(&self, tenant: &str) {
        let _ = self.sender.send(Batch { tenant: tenant.into(), events: Arc::default() });
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Batch> {
        self.sender.subscribe()
    }
}
