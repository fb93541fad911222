mod beginning;
mod commit;
mod lease;
mod replay;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::proto::event::v1::{
    CommitConsumerRequest, DeadLetter, Event, EventKind, GetConsumerRequest, SubscribeResponse,
};
use entente_rpc::{Code, ErrorReason, Failure, Status, now};
use futures_util::StreamExt as _;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::delivery::{Delivery, Finished, Outcome};
use super::target::Dialect;
use super::window::{Content, Job, Window};
use crate::gateway::Shared;
use crate::identus::events::Change;
use crate::{acapy, identus};

/// How often the cursor is stored.
const COMMIT_INTERVAL: Duration = Duration::from_millis(500);
/// The pause before the log is read again after a failure: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));
/// How long calls under way may take once the gateway stops.
const LAST_CALLS: Duration = Duration::from_secs(2);
/// The most of an error's text that is kept.
const MAX_ERROR: usize = 500;

/// Reads the event log for one URL.
pub(super) struct Reader {
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    window: Option<Window>,
    committed: i64,
    under_way: JoinSet<Finished>,
    dead_letters: Vec<DeadLetter>,
    replayed: Vec<i64>,
    replaying: HashSet<i64>,
    lag: i64,
    /// What it holds its lease by.
    holder: String,
    /// When it began, in milliseconds since the epoch.
    started: i64,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, delivery: Arc<Delivery>) -> Self {
        Self {
            shared,
            delivery,
            window: None,
            committed: 0,
            under_way: JoinSet::new(),
            dead_letters: Vec::new(),
            replayed: Vec::new(),
            replaying: HashSet::new(),
            lag: 0,
            holder: uuid::Uuid::new_v4().to_string(),
            started: now(),
        }
    }

    /// Runs until the gateway stops. Calls under way are waited for; what is not delivered by then comes again after the
    /// next start.
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        tokio::select! {
            () = self.read_on() => {}
            () = shared.stopped() => {}
        }
        let ending = async {
            while let Some(finished) = self.under_way.join_next().await {
                self.finish(finished);
            }
        };
        if timeout(LAST_CALLS, ending).await.is_err() {
            self.under_way.abort_all();
        }
        if self.window.is_none() {
            return;
        }
        if let Err(error) = self.commit().await {
            tracing::warn!(consumer = self.consumer(), %error, "the webhook's cursor could not be stored at the end");
        }
        self.give_lease_up().await;
    }

    /// Reads, and begins again where it was after a failure.
    async fn read_on(&mut self) {
        let mut pause = PAUSE.0;
        loop {
            let before = self.seen();
            let ended = self.read().await;
            if self.seen() > before {
                pause = PAUSE.0;
            }
            if let Err(status) = ended {
                self.explain(&status);
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn explain(&mut self, status: &Status) {
        let failure = Failure::of(status);
        let oldest = failure.metadata("oldest").and_then(|oldest| oldest.parse::<i64>().ok());
        match (failure.reason, oldest) {
            (ErrorReason::EventsExpired, Some(oldest)) => {
                tracing::error!(
                    consumer = self.consumer(),
                    after = self.seen(),
                    oldest,
                    "events were lost: they are no longer kept"
                );
                self.shared.metrics.webhook("expired");
                if let Some(window) = &mut self.window {
                    window.see(oldest - 1);
                }
            }
            (ErrorReason::SlowReader, _) => {
                tracing::debug!(consumer = self.consumer(), "the webhook reads on")
            }
            _ => {
                tracing::warn!(consumer = self.consumer(), code = ?status.code(), error = %failure, "events cannot be read")
            }
        }
    }

    async fn read(&mut self) -> Result<(), Status> {
        self.await_lease().await?;
        let after = match &self.window {
            Some(window) => window.seen(),
            None => self.open().await?,
        };
        let mut events = self.shared.follow(self.kinds(), Some(after)).await?;
        let mut commit = interval(COMMIT_INTERVAL);
        let mut replay = interval(self.delivery.settings.replay_interval);
        commit.set_missed_tick_behavior(MissedTickBehavior::Delay);
        replay.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewal = interval(lease::RENEWAL);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room = self
                .window
                .as_ref()
                .is_some_and(|window| window.has_room(self.delivery.settings.window));
            tokio::select! {
                response = events.next(), if has_room => match response.transpose()? {
                    Some(response) => self.take(response),
                    None => return Ok(()),
                },
                Some(finished) = self.under_way.join_next() => self.finish(finished),
                _ = renewal.tick() => self.renew_lease().await?,
                _ = commit.tick() => self.commit().await?,
                _ = replay.tick() => self.replay().await?,
            }
        }
    }

    /// The stored cursor. A new consumer begins where another is, or with what happens from this reader's start on, and
    /// that is stored at once.
    async fn open(&mut self) -> Result<i64, Status> {
        let cursor = match self.cursor(self.consumer()).await? {
            Some(cursor) => cursor,
            None => {
                let since = match self.delivery.target.since.clone() {
                    Some(name) => self.cursor(name).await?,
                    None => None,
                };
                let cursor = match since {
                    Some(cursor) => cursor,
                    None => self.last_before_start().await?,
                };
                let request = CommitConsumerRequest {
                    name: self.consumer(),
                    cursor,
                    ..CommitConsumerRequest::default()
                };
                self.shared
                    .clients
                    .events
                    .clone()
                    .commit_consumer(self.shared.request(request)?)
                    .await?;
                cursor
            }
        };
        self.committed = cursor;
        self.window = Some(Window::new(cursor));
        Ok(cursor)
    }

    /// Where a consumer is; `None` if there is no such consumer.
    async fn cursor(&self, name: String) -> Result<Option<i64>, Status> {
        let request = self.shared.request(GetConsumerRequest { name })?;
        match self.shared.clients.events.clone().get_consumer(request).await {
            Ok(answer) => Ok(Some(answer.into_inner().consumer.unwrap_or_default().cursor)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    fn take(&mut self, response: SubscribeResponse) {
        let Some(window) = &mut self.window else { return };
        let dialect = self.delivery.target.dialect;
        if let Some(job) = response.event.as_ref().and_then(|event| job(dialect, event))
            && let Some(ready) = window.add(job)
        {
            self.under_way.spawn(self.delivery.clone().deliver(ready, false));
        }
        window.see(response.cursor);
        self.measure();
    }

    fn finish(&mut self, finished: Result<Finished, JoinError>) {
        let Finished { job, outcome, replay } = match finished {
            Ok(finished) => finished,
            Err(error) => {
                tracing::error!(consumer = self.consumer(), %error, "a webhook's task ended early");
                return;
            }
        };
        match outcome {
            Outcome::GivenUp(attempts, error) => self.dead_letters.push(DeadLetter {
                consumer: self.consumer(),
                sequence: job.sequence,
                attempts: attempts.try_into().unwrap_or(i32::MAX),
                error: error.chars().take(MAX_ERROR).collect(),
                ..DeadLetter::default()
            }),
            Outcome::Delivered if replay => self.replayed.push(job.sequence),
            Outcome::Delivered => {}
            // Still in the window, so that the cursor stays before it.
            Outcome::Interrupted => return,
        }
        if replay {
            self.replaying.remove(&job.sequence);
        } else {
            let next = self.window.as_mut().and_then(|window| window.finish(&job));
            if let Some(next) = next.filter(|_| !self.shared.is_stopping()) {
                self.under_way.spawn(self.delivery.clone().deliver(next, false));
            }
        }
        self.measure();
    }

    fn kinds(&self) -> &'static [EventKind] {
        match self.delivery.target.dialect {
            Dialect::Acapy => &acapy::events::KINDS,
            Dialect::Identus => &identus::events::KINDS,
        }
    }

    fn consumer(&self) -> String {
        self.delivery.target.consumer.clone()
    }

    fn seen(&self) -> i64 {
        self.window.as_ref().map_or(0, Window::seen)
    }

    fn measure(&mut self) {
        let lag = self.window.as_ref().map_or(0, |window| window.seen() - window.cursor());
        self.shared.metrics.webhook_lag.inc_by(lag - self.lag);
        self.lag = lag;
    }
}

/// The reader may be stopped while it reads: its lag goes with it.
impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.metrics.webhook_lag.dec_by(self.lag);
    }
}

/// What to deliver for an event; nothing when the dialect does not tell it.
fn job(dialect: Dialect, event: &Event) -> Option<Job> {
    let content = match dialect {
        Dialect::Acapy => {
            let hook = acapy::events::project(event)?;
            Content::Topic(hook.topic, hook.payload.to_string().into())
        }
        Dialect::Identus => Content::Change(Change::of(event)?),
    };
    Some(Job { sequence: event.sequence, lane: lane(event), content })
}

/// The connection, or the record that an event without one is about.
fn lane(event: &Event) -> String {
    if event.connection_id.is_empty() {
        acapy::events::record_id(event).to_owned()
    } else {
        event.connection_id.clone()
    }
}
