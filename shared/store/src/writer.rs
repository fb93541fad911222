//! The connection that writes, and the transaction that several works share.
//!
//! A commit is a write to the disk, which costs more than the work in it. So a work that ends while others wait leaves
//! the transaction open to the next of them, and is told when the last has committed for all. Each of them after the
//! first is in a savepoint, so that a work that fails takes back what it did and nothing else. Works follow one
//! another: what one reads is what those before it wrote.

use std::mem;
use std::time::{Duration, Instant};

use sqlx::SqliteConnection;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::batch::Batch;

/// How many works share a commit at most, and for how long they do: the first waits for the last.
const WORKS: usize = 64;
const TOGETHER: Duration = Duration::from_millis(20);

/// What a work has its connection do before its first statement: savepoints in turns, so that none is taken for the
/// one before it.
const SAVEPOINTS: [(&str, &str, &str); 2] = [
    ("SAVEPOINT even", "RELEASE odd;\nSAVEPOINT even", "ROLLBACK TO even"),
    ("SAVEPOINT odd", "RELEASE even;\nSAVEPOINT odd", "ROLLBACK TO odd"),
];

/// The connection that writes, with what is under way on it.
pub(crate) struct Writer {
    pub(crate) connection: SqliteConnection,
    /// A transaction was begun, and neither committed nor rolled back.
    open: bool,
    /// A work was begun in it that has not ended. Said first: should a call be dropped half way, the next one cleans up.
    unfinished: bool,
    /// The first statement of that work was carried out.
    entered: bool,
    /// The works that ended in it and wait for the commit, with the time of the first.
    ended: Vec<oneshot::Sender<bool>>,
    begun: Instant,
    /// How many works were begun in it.
    works: usize,
}

impl Writer {
    pub(crate) fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            open: false,
            unfinished: false,
            entered: false,
            ended: Vec::new(),
            begun: Instant::now(),
            works: 0,
        }
    }

    /// Whether there is something to commit or to roll back.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a work was dropped that did not end.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Whether works wait for the commit.
    pub(crate) fn is_shared(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Whether another work may join.
    pub(crate) fn has_room(&self) -> bool {
        self.works < WORKS && self.begun.elapsed() < TOGETHER
    }

    /// Begins a work: gives what to carry out before its first statement. `entered` is to be called after.
    pub(crate) fn enter(&mut self) -> &'static str {
        (self.unfinished, self.entered) = (true, false);
        self.works += 1;
        if !mem::replace(&mut self.open, true) {
            (self.works, self.begun) = (1, Instant::now());
            return "BEGIN IMMEDIATE";
        }
        let (first, next, _) = self.savepoint();
        if self.works == 2 { first } else { next }
    }

    pub(crate) fn entered(&mut self) {
        self.entered = true;
    }

    /// Ends a work without a commit: another one follows. The receiver tells whether that was committed.
    pub(crate) fn leave(&mut self) -> oneshot::Receiver<bool> {
        let (ended, committed) = oneshot::channel();
        self.unfinished = false;
        self.ended.push(ended);
        committed
    }

    /// For who carried COMMIT out, with success.
    pub(crate) fn committed(&mut self) {
        self.close(true);
    }

    fn close(&mut self, committed: bool) {
        (self.open, self.unfinished) = (false, false);
        for ended in self.ended.drain(..) {
            // It may have been dropped.
            let _ = ended.send(committed);
        }
    }

    fn savepoint(&self) -> (&'static str, &'static str, &'static str) {
        let [even, odd] = SAVEPOINTS;
        if self.works.is_multiple_of(2) { even } else { odd }
    }

    /// Takes back a work that did not end, and nothing else.
    pub(crate) async fn clean_up(&mut self) {
        if !self.unfinished {
            return;
        }
        if self.ended.is_empty() {
            // It fails when the transaction ended after all, which is as good.
            let _ = self.run("ROLLBACK").await;
            return self.close(false);
        }
        if self.run(self.savepoint().2).await.is_ok() {
            self.unfinished = false;
        } else if self.entered {
            // The savepoint is gone, and the transaction with it: the database rolled back by itself.
            self.roll_back().await;
        } else {
            // The work was dropped before its savepoint was made. What the others did is there still, or the commit fails.
            self.unfinished = false;
            let _ = self.commit().await;
        }
    }

    /// Commits what works left open.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        if !self.open {
            return Ok(());
        }
        match self.run("COMMIT").await {
            Ok(()) => {
                self.close(true);
                Ok(())
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    async fn roll_back(&mut self) {
        // The others learn it by themselves.
        let _ = self.run("ROLLBACK").await;
        if !self.ended.is_empty() {
            tracing::warn!(works = self.ended.len(), "a commit failed");
        }
        self.close(false);
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.push_bare(sql);
        batch.execute(&mut self.connection).await
    }
}
