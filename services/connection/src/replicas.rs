//! Several processes on the same tables: who lives, who sends what, and who does what only one should do.
//!
//! A replica shows that it lives by counting up a number of its own; no clock is compared. One whose number stands still
//! for some looks is removed, and its messages are taken over. It may live all the same, and learns then that it was
//! removed: it goes on under another id, and leaves the messages to who has them now. What both send in between, the
//! peer knows by its id.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::engine::{Answer, Engine};

/// How often a replica shows that it lives, and looks for the others.
const BEAT: Duration = Duration::from_millis(500);
/// After how many looks that found the same number a replica is dead: 3 s.
const MISSED: u32 = 6;
/// How long words to other replicas are gathered.
const GATHER: Duration = Duration::from_millis(2);
/// The pause after listening failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What this process is among the replicas. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    id: Arc<RwLock<Arc<str>>>,
    leads: Arc<AtomicBool>,
    words: mpsc::UnboundedSender<Word>,
}

/// What replicas tell each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    /// A tenant has new events.
    Events(String),
    /// A replica was left messages to send.
    Messages(String),
}

impl Word {
    fn write(&self) -> String {
        match self {
            Self::Events(tenant) => format!("e{tenant}"),
            Self::Messages(owner) => format!("m{owner}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        match kind {
            "e" => Some(Self::Events(rest.to_owned())),
            "m" => Some(Self::Messages(rest.to_owned())),
            _ => None,
        }
    }
}

impl Replica {
    /// A new replica, and what it tells others.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Word>) {
        let (words, told) = mpsc::unbounded_channel();
        let replica = Self { id: Arc::new(RwLock::new(fresh_id())), leads: Arc::default(), words };
        (replica, told)
    }

    /// Its id, by which it owns messages.
    pub fn id(&self) -> Arc<str> {
        Arc::clone(&self.id.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it does what only one replica should do. For a moment two may think so.
    pub fn leads(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    /// Tells the others something.
    pub fn tell(&self, word: Word) {
        // Nobody hears it when the service ends.
        let _ = self.words.send(word);
    }

    fn begin_anew(&self) {
        *self.id.write().unwrap_or_else(PoisonError::into_inner) = fresh_id();
        self.leads.store(false, Ordering::Relaxed);
    }
}

fn fresh_id() -> Arc<str> {
    uuid::Uuid::now_v7().to_string().into()
}

/// Joins the replicas, before the service does anything.
pub(crate) async fn join(engine: &Engine) -> Answer<()> {
    let mut work = engine.work_for_all().await?;
    if !engine.store.is_shared() {
        // Whoever had this file before is dead.
        work.remove_all_replicas();
        engine.replica.leads.store(true, Ordering::Relaxed);
    }
    work.insert_replica();
    let adopted = work.adopt_messages().await?;
    engine.commit(work).await?;
    if adopted > 0 {
        tracing::info!(messages = adopted, "taking up messages that were left unsent");
    }
    Ok(())
}

/// Leaves the replicas: the others need not wait for its death.
pub(crate) async fn leave(engine: &Engine) -> Answer<()> {
    if !engine.store.is_shared() {
        return Ok(());
    }
    let mut work = engine.work_for_all().await?;
    work.leave();
    Ok(engine.commit(work).await?)
}

/// Shows that this replica lives, and looks after those that do not, until the service ends.
pub(crate) async fn run(engine: Engine) {
    if !engine.store.is_shared() {
        return;
    }
    let mut seen = HashMap::new();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        if let Err(failure) = beat(&engine, &mut seen).await {
            tracing::warn!(reason = %failure, "this replica could not show that it lives; trying again");
        }
    }
}

async fn beat(engine: &Engine, seen: &mut HashMap<String, (i64, u32)>) -> Answer<()> {
    let mut work = engine.work_for_all().await?;
    if !work.beat().await? {
        drop(work);
        tracing::warn!("the other replicas took this one for dead; it begins anew");
        engine.replica.begin_anew();
        engine.outbox.abandon();
        return join(engine).await;
    }
    engine.commit(work).await?;
    let me = engine.replica.id();
    let replicas = engine.store.replicas().await?;
    seen.retain(|id, _| replicas.iter().any(|(there, _)| there == id));
    for (id, beats) in &replicas {
        let (known, times) = seen.entry(id.clone()).or_insert((*beats, 0));
        *times = if known == beats { *times + 1 } else { 0 };
        *known = *beats;
    }
    let is_dead = |id: &str| id != &*me && seen.get(id).is_some_and(|(_, times)| *times >= MISSED);
    let first_alive = replicas.iter().map(|(id, _)| id).find(|id| !is_dead(id));
    engine.replica.leads.store(first_alive.is_some_and(|id| **id == *me), Ordering::Relaxed);
    for (id, beats) in replicas.iter().filter(|(id, _)| is_dead(id)) {
        take_over(engine, id, *beats).await?;
    }
    Ok(())
}

async fn take_over(engine: &Engine, id: &str, beats: i64) -> Answer<()> {
    let mut work = engine.work_for_all().await?;
    if work.remove_replica(id, beats).await? {
        let messages = work.adopt_messages().await?;
        work.wake_timers();
        engine.commit(work).await?;
        tracing::warn!(replica = id, messages, "a replica died; its messages are taken over");
    }
    Ok(())
}

/// Tells the other replicas what this one has to tell, until the service ends.
pub(crate) async fn tell(engine: Engine, mut told: mpsc::UnboundedReceiver<Word>) {
    let mut words = Vec::new();
    while told.recv_many(&mut words, 1024).await > 0 {
        sleep(GATHER).await;
        while let Ok(word) = told.try_recv() {
            words.push(word);
        }
        let gathered: BTreeSet<Word> = words.drain(..).collect();
        let texts: Vec<String> = gathered.iter().map(Word::write).collect();
        if let Some(nats) = &engine.nats {
            nats.tell(&texts).await;
        }
        if let Err(error) = engine.store.tell(&texts).await {
            tracing::debug!(%error, "other replicas were not told; they look by themselves");
        }
    }
}

/// Does what a word of another replica says. It may come twice, by the database and by NATS.
fn heed(engine: &Engine, text: &str) {
    match Word::read(text) {
        Some(Word::Events(tenant)) => engine.feed.hint(&tenant),
        Some(Word::Messages(owner)) if *owner == *engine.replica.id() => {
            engine.wake_timers.notify_one();
        }
        _ => {}
    }
}

/// Hears what the others tell by NATS, until the service ends.
pub(crate) async fn hear_by_nats(engine: Engine) {
    let Some(nats) = engine.nats.as_ref().filter(|_| engine.store.is_shared()) else { return };
    loop {
        if let Some(mut words) = nats.listen().await {
            while let Some(text) = words.next().await {
                heed(&engine, &text);
            }
        }
        sleep(PAUSE).await;
    }
}

/// Hears what the others tell by the database, until the service ends.
pub(crate) async fn hear(engine: Engine) {
    loop {
        let mut words = match engine.store.listen().await {
            Ok(Some(words)) => words,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "other replicas cannot be heard; trying again");
                sleep(PAUSE).await;
                continue;
            }
        };
        loop {
            match words.next().await {
                Ok(Some(text)) => heed(&engine, &text),
                // Readers look by themselves from time to time, and so do the timers.
                Ok(None) => engine.wake_timers.notify_one(),
                Err(error) => {
                    tracing::debug!(%error, "other replicas cannot be heard; trying again");
                    break;
                }
            }
        }
        sleep(PAUSE).await;
    }
}
