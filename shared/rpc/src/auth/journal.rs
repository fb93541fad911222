//! What the audit is told: in order, soon, and beside the calls that it is told of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::refusals::{self, Refusals};
use crate::proto::access::v1::audit_service_client::AuditServiceClient;
use crate::proto::access::v1::{AppendAuditEntriesRequest, AuditEntry};
use crate::{Code, Link};

/// What may wait to be told; what is more is lost, and counted.
const WAITING: usize = 8192;
/// Entries that are told together.
const TOGETHER: usize = 500;
/// How long an entry waits for others.
const GATHER: Duration = Duration::from_millis(50);
/// How long is waited for the audit at the end.
const LAST: Duration = Duration::from_millis(1_500);

/// The way to the audit.
#[derive(Clone)]
pub(super) struct Journal(Arc<Inner>);

struct Inner {
    sender: mpsc::Sender<Word>,
    receiver: Mutex<Option<mpsc::Receiver<Word>>>,
    read: AtomicBool,
}

enum Word {
    Entry(AuditEntry),
    Flush(oneshot::Sender<()>),
}

impl Journal {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Mutex::new(Some(receiver));
        Self(Arc::new(Inner { sender, receiver, read: AtomicBool::new(false) }))
    }

    /// Whether somebody is told: not where there is no access service.
    pub(super) fn is_read(&self) -> bool {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Adds an entry.
    pub(super) fn add(&self, entry: AuditEntry) {
        if self.is_read() && self.0.sender.try_send(Word::Entry(entry)).is_err() {
            refusals::lost();
        }
    }

    /// Tells the audit from now on.
    pub(super) fn tell(&self, audit: AuditServiceClient<Link>, refusals: Refusals) {
        let receiver = self.0.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(receiver) = receiver {
            self.0.read.store(true, Ordering::Relaxed);
            tokio::spawn(run(receiver, audit, refusals));
        }
    }

    /// Waits until what was added is told.
    pub(super) async fn flush(&self) {
        if !self.is_read() {
            return;
        }
        let (told, done) = oneshot::channel();
        let flushed = async {
            if self.0.sender.send(Word::Flush(told)).await.is_ok() {
                let _ = done.await;
            }
        };
        let _ = timeout(LAST, flushed).await;
    }
}

async fn run(
    mut receiver: mpsc::Receiver<Word>,
    mut audit: AuditServiceClient<Link>,
    refusals: Refusals,
) {
    let mut minute = interval(refusals::PERIOD);
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut words = Vec::new();
    loop {
        let first = tokio::select! {
            word = receiver.recv() => word,
            _ = minute.tick() => {
                let entries = refusals.take();
                tell(&mut audit, entries).await;
                continue;
            }
        };
        let Some(first) = first else { return };
        if matches!(first, Word::Entry(_)) {
            sleep(GATHER).await;
        }
        words.push(first);
        while words.len() < TOGETHER
            && let Ok(word) = receiver.try_recv()
        {
            words.push(word);
        }
        let (mut entries, mut waiting) = (Vec::new(), Vec::new());
        for word in words.drain(..) {
            match word {
                Word::Entry(entry) => entries.push(entry),
                Word::Flush(done) => waiting.push(done),
            }
        }
        if !waiting.is_empty() {
            entries.extend(refusals.take());
        }
        tell(&mut audit, entries).await;
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// Tells it until it is taken: entries that come meanwhile wait.
async fn tell(audit: &mut AuditServiceClient<Link>, entries: Vec<AuditEntry>) {
    if entries.is_empty() {
        return;
    }
    let mut pause = Duration::from_millis(100);
    let id: u128 = rand::random();
    let request = AppendAuditEntriesRequest { entries, request_id: format!("{id:032x}") };
    while let Err(status) = audit.append_audit_entries(request.clone()).await {
        if matches!(
            status.code(),
            Code::InvalidArgument | Code::PermissionDenied | Code::Unimplemented
        ) {
            tracing::error!(error = status.message(), "the audit takes no entries");
            refusals::lost();
            return;
        }
        tracing::warn!(error = status.message(), "the audit cannot be told; trying again");
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
