//! Insertion of keys, many in one commit: a durable commit costs more than the insertions in it, and while one is
//! under way the next creations gather.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entente_store::{Database, StoreError, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{KeyRow, NewKey, Store, public_key};

/// The most insertions in one transaction, and the most that wait.
const BATCH: usize = 64;
const QUEUE: usize = 1024;

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// The row is stored.
    New,
    /// The tenant has this key, or a key with this request id, already.
    Existing(KeyRow),
    /// Another tenant has this key.
    Taken,
}

struct Job {
    key: NewKey,
    answer: oneshot::Sender<Result<Inserted, StoreError>>,
}

/// The way to the task that inserts.
pub(crate) struct Creator {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Creator {
    /// Starts the task.
    pub(crate) fn start(store: &Store) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(store.database.clone(), queue));
        Self { jobs: Mutex::new(Some(jobs)), task: Mutex::new(Some(task)) }
    }

    /// Inserts a key; when this returns, the commit is on the disk.
    pub(crate) async fn insert(&self, key: NewKey) -> Result<Inserted, StoreError> {
        let jobs = lock(&self.jobs).clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        jobs.send(Job { key, answer }).await.map_err(|_| closed())?;
        drop(jobs);
        answered.await.map_err(|_| closed())?
    }

    /// Takes no more, and returns when what is queued is inserted.
    pub(crate) async fn stop(&self) {
        drop(lock(&self.jobs).take());
        let task = lock(&self.task).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> StoreError {
    StoreError::from(sqlx::Error::PoolClosed)
}

async fn run(database: Database, mut queue: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        match insert_all(&database, &batch).await {
            Ok(inserted) => {
                for (job, inserted) in batch.drain(..).zip(inserted) {
                    let _ = job.answer.send(Ok(inserted));
                }
            }
            // The transaction is rolled back. One by one, so that each has its own error.
            Err(_) => {
                for job in batch.drain(..) {
                    let inserted = insert_all(&database, std::slice::from_ref(&job)).await;
                    let _ = job.answer.send(
                        inserted.and_then(|one| one.first().copied().ok_or(StoreError::NotFound)),
                    );
                }
            }
        }
    }
}

async fn insert_all(database: &Database, jobs: &[Job]) -> Result<Vec<Inserted>, StoreError> {
    let mut transaction = database.write().await?;
    let mut inserted = Vec::with_capacity(jobs.len());
    for job in jobs {
        inserted.push(insert(&mut transaction, &job.key).await?);
    }
    transaction.commit().await?;
    Ok(inserted)
}

async fn insert(transaction: &mut Transaction, new: &NewKey) -> Result<Inserted, StoreError> {
    let public = new.key.public.multibase();
    let done = sqlx::query(
        "INSERT INTO keys (tenant, public_key, sealed, request_id, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&new.key.tenant)
    .bind(&public)
    .bind(&new.key.sealed)
    .bind(&new.request_id)
    .bind(new.created_at)
    .execute(&mut **transaction)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(Inserted::New);
    }
    let existing: Option<(String, i64)> = sqlx::query_as(
        "SELECT public_key, created_at FROM keys WHERE tenant = $1 AND (request_id = $2 OR public_key = $3)",
    )
    .bind(&new.key.tenant)
    .bind(&new.request_id)
    .bind(&public)
    .fetch_optional(&mut **transaction)
    .await?;
    match existing {
        Some((key, created_at)) => {
            Ok(Inserted::Existing(KeyRow { public: public_key(&key)?, created_at }))
        }
        None => Ok(Inserted::Taken),
    }
}
