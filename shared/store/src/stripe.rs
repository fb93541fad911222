//! The way to the transaction that writes: one for SQLite; several for PostgreSQL, by scope.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::StoreError;
use crate::pool::PATIENCE;
use crate::tenants::Tenants;
use crate::transaction::{Lease, Transaction, Waiting};
use crate::writer::Writer;

/// One writer, and those who wait for it.
#[derive(Clone)]
pub(crate) struct Stripe {
    writer: Arc<Mutex<Option<Writer>>>,
    /// How many works wait for the writer.
    waiting: Arc<AtomicUsize>,
}

impl Stripe {
    pub(crate) fn new(writer: Writer) -> Self {
        Self { writer: Arc::new(Mutex::new(Some(writer))), waiting: Arc::default() }
    }

    pub(crate) async fn begin(&self, tenants: Tenants<'_>) -> Result<Transaction, StoreError> {
        let waiting = Waiting::new(self);
        let mut lease = self.lease().await?;
        waiting.serve();
        if lease.0.is_unfinished() {
            lease = lease.cleaned_up(false).await?;
        }
        let tenants = lease.0.is_postgres().then(|| tenants.to_string());
        Ok(Transaction::new(lease, self.clone(), tenants))
    }

    /// Commits what works have left open, and takes back what they left unfinished.
    pub(crate) async fn settled(&self) -> Result<(), StoreError> {
        let lease = self.lease().await?;
        if lease.0.is_open() {
            lease.cleaned_up(true).await?;
        }
        Ok(())
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        let lock = timeout(PATIENCE, Arc::clone(&self.writer).lock_owned()).await;
        let writer = lock.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))?;
        OwnedMutexGuard::try_map(writer, Option::as_mut)
            .map(Lease)
            .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolClosed))
    }

    /// Whether a work waits for the writer.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    pub(crate) fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn stop_waiting(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Sees to it that a work that was dropped is taken back, and that what works left open is committed, if no other
    /// work comes that does it.
    pub(crate) fn settle(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let stripe = self.clone();
        runtime.spawn(async move {
            let mut writer = stripe.writer.lock().await;
            if let Some(writer) = writer.as_mut() {
                writer.clean_up().await;
                if !stripe.is_wanted() {
                    let _ = writer.commit().await;
                }
            }
        });
    }

    /// Ends with the work under way.
    pub(crate) async fn close(&self) {
        // Rolls back what was left unfinished.
        let _ = self.settled().await;
        let writer = self.writer.lock().await.take();
        if let Some(writer) = writer {
            writer.close().await;
        }
    }
}
