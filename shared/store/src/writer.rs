//! The connection that writes, and the transaction that several works share.
//!
//! A commit is a write to the disk, which costs more than the work in it. So a work that ends while others wait leaves
//! the transaction open to the next of them, and is told when the last has committed for all. Each of them after the
//! first is in a savepoint, so that a work that fails takes back what it did and nothing else. Works follow one
//! another: what one reads is what those before it wrote.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::StoreError;
use crate::batch::Batch;
use crate::connection::{Connection, Record};
use crate::pool::{Lent, Pool};
use crate::tenants::SETTING;

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
    pool: Arc<Pool>,
    /// SQLite's stays; one to PostgreSQL is lent for a transaction.
    connection: Option<Lent>,
    /// What begins a transaction.
    begin: String,
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
    /// A writer that begins its transactions with `begin`.
    pub(crate) fn new(pool: Arc<Pool>, begin: String) -> Self {
        Self {
            pool,
            connection: None,
            begin,
            open: false,
            unfinished: false,
            entered: false,
            ended: Vec::new(),
            begun: Instant::now(),
            works: 0,
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.pool.is_postgres()
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
    pub(crate) async fn enter(&mut self, tenants: Option<&str>) -> Result<String, StoreError> {
        let show =
            tenants.map(|tenants| format!(";SET LOCAL {SETTING}={tenants}")).unwrap_or_default();
        if self.open {
            (self.unfinished, self.entered) = (true, false);
            self.works += 1;
            let (first, next, _) = self.savepoint();
            let savepoint = if self.works == 2 { first } else { next };
            return Ok(format!("{savepoint}{show}"));
        }
        if self.connection.is_none() {
            self.connection = Some(self.pool.lend(None).await?);
        }
        (self.open, self.unfinished, self.entered) = (true, true, false);
        (self.works, self.begun) = (1, Instant::now());
        if !self.pool.is_postgres() {
            return Ok(self.begin.clone());
        }
        // By itself: nothing is lost yet when the connection turns out to be dead.
        let begin = format!("{}{show}", self.begin);
        if let Err(error) = self.on()?.run(&begin).await {
            let renewed = match &mut self.connection {
                Some(lent) => lent.renewed(&error).await?,
                None => false,
            };
            if !renewed {
                return Err(error);
            }
            self.on()?.run(&begin).await?;
        }
        // What comes before is a wait for others.
        self.begun = Instant::now();
        Ok(String::new())
    }

    /// Carries out statements of the work that was entered.
    pub(crate) async fn batch<T: Record>(&mut self, batch: Batch) -> Result<Vec<T>, StoreError> {
        self.on()?.batch(batch).await
    }

    /// The connection of the transaction.
    pub(crate) fn on(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection.as_mut().ok_or(StoreError::NotCommitted)?.connection()
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
        self.end(true);
    }

    /// What commits, after other statements or `alone`. PostgreSQL takes a COMMIT of what has failed for a ROLLBACK and
    /// calls it a success, so that something that fails then goes before it.
    pub(crate) fn commit_statement(&self, alone: bool) -> &'static str {
        if alone && self.pool.is_postgres() { "SELECT 1 WHERE FALSE;COMMIT" } else { "COMMIT" }
    }

    fn end(&mut self, committed: bool) {
        (self.open, self.unfinished) = (false, false);
        if self.pool.is_postgres() {
            self.connection = None;
        }
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
            return self.roll_back().await;
        }
        if self.run(self.savepoint().2).await.is_ok() {
            self.unfinished = false;
        } else if self.entered || self.pool.is_postgres() {
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
        match self.run(self.commit_statement(true)).await {
            Ok(()) => {
                self.end(true);
                Ok(())
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    async fn roll_back(&mut self) {
        let rolled_back = self.run("ROLLBACK").await;
        if rolled_back.is_err() && self.pool.is_postgres() {
            self.discard();
        }
        if !self.ended.is_empty() {
            tracing::warn!(works = self.ended.len(), "a commit failed");
        }
        self.end(false);
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.on()?.run(sql).await
    }

    fn discard(&mut self) {
        if let Some(lent) = &mut self.connection {
            lent.discard();
        }
    }

    /// Closes what it has.
    pub(crate) async fn close(mut self) {
        drop(self.connection.take());
        self.pool.close().await;
    }
}
