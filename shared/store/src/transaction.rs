//! A work's part of a transaction.

use tokio::sync::OwnedMappedMutexGuard;

use crate::batch::Batch;
use crate::connection::Record;
use crate::stripe::Stripe;
use crate::writer::Writer;
use crate::{StoreError, Value};

/// The connection that writes, for as long as it is held.
pub(crate) struct Lease(pub(crate) OwnedMappedMutexGuard<Option<Writer>, Writer>);

/// A write transaction. Dropped without `commit`, what it did is taken back.
///
/// Writes are gathered, and carried out together: before the next read, or with the commit. What others do at the same
/// time may be committed together with it, which shows in nothing but the time it takes.
pub struct Transaction {
    lease: Lease,
    stripe: Stripe,
    batch: Batch,
    /// The tenants whose rows it sees, as a literal; none where the database shows all rows.
    tenants: Option<String>,
    entered: bool,
    /// Another work goes on from here.
    left: bool,
}

impl Transaction {
    pub(crate) fn new(lease: Lease, stripe: Stripe, tenants: Option<String>) -> Self {
        Self { lease, stripe, batch: Batch::default(), tenants, entered: false, left: false }
    }

    /// Whether statements may use the function `sha256`: PostgreSQL has it.
    #[must_use]
    pub fn has_sha256(&self) -> bool {
        self.lease.0.is_postgres()
    }

    /// Adds a write with its parameters `$1`, `$2`, …. Its failure shows when the writes are carried out.
    pub fn write(&mut self, sql: &str, values: Vec<Value>) {
        self.batch.push(sql, values);
    }

    /// Reads rows, after all that was written so far.
    ///
    /// # Errors
    /// When the query, or a write before it, fails.
    pub async fn fetch<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        self.batch.push(sql, values);
        self.carry_out().await
    }

    /// Carries out a statement, after all that was written so far, and says how many rows it changed.
    ///
    /// # Errors
    /// When it, or a write before it, fails.
    pub async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        if !self.entered || !self.batch.is_empty() {
            let batch = self.take_batch().await?;
            self.lease.0.batch::<()>(batch).await?;
            self.lease.0.entered();
        }
        self.lease.0.on()?.execute(sql, values).await
    }

    /// Commits. When this returns, what was written is on the disk; gives the rows that the last writes return.
    ///
    /// # Errors
    /// When the database cannot; nothing is changed then.
    pub async fn commit<T>(mut self) -> Result<Vec<T>, StoreError>
    where
        T: Record + 'static,
    {
        if !self.entered && self.batch.is_empty() {
            return Ok(Vec::new());
        }
        if self.stripe.is_wanted() && self.lease.0.has_room() {
            let rows = self.carry_out().await?;
            let committed = self.lease.0.leave();
            self.left = true;
            drop(self);
            return match committed.await {
                Ok(true) => Ok(rows),
                _ => Err(StoreError::NotCommitted),
            };
        }
        if !self.lease.0.is_shared() {
            return self.commit_all().await;
        }
        // Others wait for this commit: it goes on even if nobody waits for this work any more.
        let rows = tokio::spawn(self.commit_all()).await;
        rows.map_err(|_| StoreError::NotCommitted)?
    }

    async fn carry_out<T>(&mut self) -> Result<Vec<T>, StoreError>
    where
        T: Record,
    {
        if self.entered && self.batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch = self.take_batch().await?;
        let rows = self.lease.0.batch(batch).await?;
        self.lease.0.entered();
        Ok(rows)
    }

    async fn commit_all<T>(mut self) -> Result<Vec<T>, StoreError>
    where
        T: Record,
    {
        let mut batch = self.take_batch().await?;
        batch.push_bare(self.lease.0.commit_statement(batch.is_empty()));
        let rows = self.lease.0.batch(batch).await?;
        self.lease.0.committed();
        Ok(rows)
    }

    /// What was gathered; the first time, after what begins the work.
    async fn take_batch(&mut self) -> Result<Batch, StoreError> {
        let batch = std::mem::take(&mut self.batch);
        if self.entered {
            return Ok(batch);
        }
        self.entered = true;
        Ok(batch.after(self.lease.0.enter(self.tenants.as_deref()).await?))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.lease.0.is_open() && !self.left {
            self.stripe.settle();
        }
    }
}

/// A work that waits for the connection that writes.
pub(crate) struct Waiting {
    stripe: Stripe,
    served: bool,
}

impl Waiting {
    pub(crate) fn new(stripe: &Stripe) -> Self {
        stripe.wait();
        Self { stripe: stripe.clone(), served: false }
    }

    /// Its turn has come.
    pub(crate) fn serve(mut self) {
        self.served = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stripe.stop_waiting();
        if !self.served {
            // A work may have left its commit to this one.
            self.stripe.settle();
        }
    }
}

impl Lease {
    /// The same, after what was left on it. That is not given up half way, whoever waits for it.
    pub(crate) async fn cleaned_up(mut self, commit: bool) -> Result<Self, StoreError> {
        let cleaned = tokio::spawn(async move {
            self.0.clean_up().await;
            if commit {
                // Those who wait for the commit learn what became of it.
                let _ = self.0.commit().await;
            }
            self
        });
        cleaned.await.map_err(|_| StoreError::Unavailable(sqlx::Error::WorkerCrashed))
    }
}
