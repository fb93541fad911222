//! The events that end operations, handed to the operation that waits for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use entente_rpc::proto::event::v1::{Event, EventFilter, EventKind, event::Record};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::BenchError;
use crate::api::Api;
use crate::watch::Watch;

/// How long an operation may take.
const LIMIT: Duration = Duration::from_secs(60);

/// When an event came, and which connection it is about.
type Came = (Instant, String);
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Came>>>>;

/// Follows one kind of event of an agent, by the invitation that it is about.
pub(super) struct Arrivals {
    waiting: Waiting,
    task: JoinHandle<()>,
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Arrivals {
    pub(super) async fn follow(api: &Api, kind: EventKind) -> Result<Self, BenchError> {
        let filter = EventFilter { kinds: vec![kind.into()], ..Default::default() };
        let mut watch =
            Watch::from_now(api, filter).await.map_err(BenchError::during("subscribe"))?;
        let waiting = Waiting::default();
        let told = waiting.clone();
        let task = tokio::spawn(async move {
            loop {
                match watch.follow(|_| ()).await {
                    Ok(response) => response.event.iter().for_each(|event| tell(&told, event)),
                    Err(status) => {
                        return eprintln!(
                            "events of the kind {} ended: {status}",
                            kind.as_str_name()
                        );
                    }
                }
            }
        });
        Ok(Self { waiting, task })
    }

    /// An event that is expected. Call it before what causes the event.
    pub(super) fn expect(&self, invitation: &str) -> Arrival {
        let (sender, receiver) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(invitation.to_owned(), sender);
        Arrival { invitation: invitation.to_owned(), receiver }
    }
}

/// An event that is expected.
pub(super) struct Arrival {
    invitation: String,
    receiver: oneshot::Receiver<Came>,
}

impl Arrival {
    /// Waits for it, and says when it came and which connection it is about.
    pub(super) async fn wait(self, operation: &'static str) -> Result<Came, BenchError> {
        match tokio::time::timeout(LIMIT, self.receiver).await {
            Ok(Ok(came)) => Ok(came),
            _ => Err(BenchError::Missing {
                operation,
                seconds: LIMIT.as_secs(),
                invitation: self.invitation,
            }),
        }
    }
}

fn tell(waiting: &Waiting, event: &Event) {
    let (invitation, connection) = match &event.record {
        Some(Record::Connection(connection)) => (&connection.invitation_id, &connection.id),
        Some(Record::Reuse(reuse)) => (&reuse.invitation_id, &reuse.connection_id),
        _ => return,
    };
    if let Some(sender) = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(invitation)
    {
        let _ = sender.send((Instant::now(), connection.clone()));
    }
}
