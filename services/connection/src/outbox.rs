//! Sends what is committed. A lane (one exchange or connection) is sent in order, lanes side by side.
//!
//! A message goes out right after its commit. What the process did not get done (a failure, a crash, too much at once)
//! stays in the table with the time of its next attempt, and the sweep takes it from there.

mod attempt;
mod collector;
mod completion;
mod outlook;
mod sweep;
mod untaken;

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};

use crate::engine::Engine;
use crate::store::Outgoing;

pub(crate) use sweep::sweep;

/// How many bytes of messages are held in memory; the rest wait in the table.
const HELD: usize = 64 << 20;
/// How long a delivery may take before it is counted among the slow ones.
const QUICK: Duration = Duration::from_secs(1);
/// How many slow deliveries there may be at the same time, besides the others.
const SLOW: usize = 512;
/// What a message takes besides its text, in bytes.
const AROUND: usize = 4096;

type LaneKey = (String, String);

/// The lanes of this process.
#[derive(Clone)]
pub(crate) struct Outbox {
    lanes: Arc<Mutex<Lanes>>,
    ready: mpsc::UnboundedSender<LaneKey>,
    completed: mpsc::UnboundedSender<Outgoing>,
}

#[derive(Default)]
struct Lanes {
    queues: HashMap<LaneKey, VecDeque<Outgoing>>,
    held: usize,
    /// Lanes of which some messages found no room: the table has them, and those that follow wait there too.
    overflowed: HashSet<LaneKey>,
    /// Messages that were taken by their endpoint, and are still in the table for a moment.
    completing: HashSet<String>,
    /// How often some of these were forgotten, since the table has them no longer.
    forgotten: u64,
    /// Who waits for the messages of a lane whose peer has no endpoint.
    collectors: HashMap<LaneKey, Arc<Notify>>,
}

/// What the tasks of an outbox work from.
pub(crate) struct Inlets {
    ready: mpsc::UnboundedReceiver<LaneKey>,
    completed: mpsc::UnboundedReceiver<Outgoing>,
}

impl Outbox {
    pub fn new() -> (Self, Inlets) {
        let (ready, ready_inlet) = mpsc::unbounded_channel();
        let (completed, completed_inlet) = mpsc::unbounded_channel();
        let outbox = Self { lanes: Arc::default(), ready, completed };
        (outbox, Inlets { ready: ready_inlet, completed: completed_inlet })
    }

    /// Sends committed messages, unless older ones of their lane wait in the table: the sweep takes all of them, in order.
    pub fn enqueue(&self, messages: Vec<Outgoing>) {
        for message in messages {
            let key = (message.tenant.clone(), message.lane.clone());
            let mut lanes = self.lanes();
            if message.target.endpoint().is_empty()
                && let Some(collector) = lanes.collectors.get(&key)
            {
                collector.notify_waiters();
                continue;
            }
            if message.waits || lanes.overflowed.contains(&key) {
                continue;
            }
            if lanes.held >= HELD {
                lanes.overflowed.insert(key);
                continue;
            }
            lanes.held += size(&message);
            match lanes.queues.get_mut(&key) {
                Some(queue) => queue.push_back(message),
                None => {
                    lanes.queues.insert(key.clone(), VecDeque::from([message]));
                    drop(lanes);
                    // The dispatcher ends only with the service.
                    let _ = self.ready.send(key);
                }
            }
        }
    }

    /// Takes up a lane from the table, unless it is being sent: all that nobody took yet, or what comes first.
    fn resume(&self, key: LaneKey, messages: Vec<Outgoing>, all: bool) {
        let mut lanes = self.lanes();
        if lanes.queues.contains_key(&key) {
            return;
        }
        if all {
            lanes.overflowed.remove(&key);
        } else {
            lanes.overflowed.insert(key.clone());
        }
        if messages.is_empty() {
            return;
        }
        lanes.held += messages.iter().map(size).sum::<usize>();
        lanes.queues.insert(key.clone(), messages.into());
        drop(lanes);
        let _ = self.ready.send(key);
    }

    /// Gives up what it holds: another replica has it.
    pub fn abandon(&self) {
        let mut lanes = self.lanes();
        lanes.queues.values_mut().for_each(VecDeque::clear);
        lanes.overflowed.clear();
        lanes.held = 0;
    }

    fn is_active(&self, key: &LaneKey) -> bool {
        self.lanes().queues.contains_key(key)
    }

    /// How many lanes are being sent; none if there is no room for more.
    fn active(&self) -> Option<usize> {
        let lanes = self.lanes();
        (lanes.held < HELD).then(|| lanes.queues.len())
    }

    /// The next message of a lane. An empty lane is closed.
    fn next(&self, key: &LaneKey) -> Option<Outgoing> {
        let mut lanes = self.lanes();
        let next = lanes.queues.get_mut(key).and_then(VecDeque::pop_front);
        match next {
            Some(message) => {
                lanes.held = lanes.held.saturating_sub(size(&message));
                Some(message)
            }
            None => {
                lanes.queues.remove(key);
                None
            }
        }
    }

    /// Closes a lane; what is left waits in the table.
    fn close(&self, key: &LaneKey) {
        let mut lanes = self.lanes();
        let left = lanes.queues.remove(key).unwrap_or_default().iter().map(size).sum();
        lanes.held = lanes.held.saturating_sub(left);
    }

    /// Marks a message as taken by its endpoint.
    pub fn complete(&self, message: Outgoing) {
        self.lanes().completing.insert(message.id.clone());
        let _ = self.completed.send(message);
    }

    /// The lock is held for a few instructions, and what it guards is whole between them.
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(message: &Outgoing) -> usize {
    message.message.len() + AROUND
}

/// Runs the lanes until the service ends.
pub(crate) async fn dispatch(engine: Engine, inlets: Inlets) {
    let Inlets { mut ready, completed } = inlets;
    let completion = tokio::spawn(completion::complete(engine.clone(), completed));
    let permits = Arc::new(Semaphore::new(engine.config.deliveries));
    let patience = Arc::new(Semaphore::new(SLOW));
    while let Some(key) = ready.recv().await {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let (engine, patience) = (engine.clone(), Arc::clone(&patience));
        tokio::spawn(async move {
            let mut lane = pin!(attempt::run_lane(&engine, &key));
            // Peers that do not answer must not hold up those that do.
            let slow = async {
                tokio::time::sleep(QUICK).await;
                patience.acquire_owned().await
            };
            tokio::select! {
                () = &mut lane => {}
                _slow = slow => {
                    drop(permit);
                    lane.await;
                }
            }
        });
    }
    completion.abort();
}
