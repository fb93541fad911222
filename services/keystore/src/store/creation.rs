//! Insertion of keys, many in one commit: a durable commit costs more than the insertions in it, and while one is
//! under way the next creations gather.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entente_store::{Database, Query, StoreError, Tenants, values};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{COLUMNS, Columns, EVERYTHING, KeyRow, NewKeys, Store};

/// The most insertions in one transaction, and the most that wait.
const BATCH: usize = 16;
const QUEUE: usize = 1024;

/// What became of an insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// The rows are stored.
    New,
    /// The tenant has this key, or keys with this request id, already: these.
    Existing(Vec<KeyRow>),
    /// Another tenant has this key.
    Taken,
}

struct Job {
    keys: NewKeys,
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

    /// Inserts keys; when this returns, the commit is on the disk.
    pub(crate) async fn insert(&self, keys: NewKeys) -> Result<Inserted, StoreError> {
        let jobs = lock(&self.jobs).clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        jobs.send(Job { keys, answer }).await.map_err(|_| closed())?;
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
                    let _ = job
                        .answer
                        .send(inserted.and_then(|mut one| one.pop().ok_or(StoreError::NotFound)));
                }
            }
        }
    }
}

async fn insert_all(database: &Database, jobs: &[Job]) -> Result<Vec<Inserted>, StoreError> {
    let mut transaction = database.write_in(EVERYTHING, Tenants::All).await?;
    for Job { keys: new, .. } in jobs {
        let Some(first) = new.keys.first() else { continue };
        for (index, key) in (0i64..).zip(&new.keys) {
            // The others only with the first.
            transaction.write(
                "INSERT INTO keys (tenant, public_key, sealed, request_id, request_index, created_at, \
                 purpose, made_with) SELECT $1, $2, $3, $4, $5, $6, $8, CASE $5 WHEN 0 THEN '' ELSE $7 END \
                 WHERE $5 = 0 OR EXISTS (SELECT 1 FROM keys WHERE tenant = $1 AND public_key = $7) \
                 ON CONFLICT DO NOTHING RETURNING public_key",
                values![
                    &key.tenant,
                    key.public.multibase(),
                    &key.sealed,
                    &new.request_id,
                    index,
                    new.created_at,
                    first.public.multibase(),
                    &new.purpose
                ],
            );
        }
    }
    let stored: Vec<(String,)> = transaction.commit().await?;
    let mut stored = stored.into_iter().peekable();
    let mut inserted = Vec::with_capacity(jobs.len());
    for Job { keys: new, .. } in jobs {
        let mut all_new = true;
        for key in &new.keys {
            let public = key.public.multibase();
            all_new &= stored.next_if(|(stored,)| *stored == public).is_some();
        }
        inserted.push(if all_new { Inserted::New } else { existing(database, new).await? });
    }
    Ok(inserted)
}

/// What stood in the way of a request's keys.
async fn existing(database: &Database, new: &NewKeys) -> Result<Inserted, StoreError> {
    let Some(first) = new.keys.first() else { return Ok(Inserted::New) };
    let mut query = Query::new(COLUMNS);
    query.push_bind(&first.tenant).push(" AND (request_id = ").push_bind(new.request_id.clone());
    query.push(" OR public_key = ").push_bind(first.public.multibase());
    query.push(") ORDER BY request_index");
    let existing: Vec<Columns> = query.all(database.read(&first.tenant).await?).await?;
    if existing.is_empty() {
        return Ok(Inserted::Taken);
    }
    let existing: Result<_, StoreError> = existing.into_iter().map(KeyRow::read).collect();
    Ok(Inserted::Existing(existing?))
}
