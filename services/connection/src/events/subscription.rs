//! A stream of events: a task reads the log and puts what it finds into a bounded channel, which the caller empties.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use entente_rpc::proto::event::v1::{Event, SubscribeResponse};
use entente_rpc::{ErrorReason, Failure};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_stream::Stream;

use super::{BATCH, read};
use crate::engine::Answer;
use crate::feed::Batch;
use crate::store::{EventFilter, Store};

/// How many items may wait for the reader. An item has some 3 KiB, it may wait in two more buffers, and there may be
/// thousands of readers that do not read.
const WAITING: usize = 4;
/// How often the log is looked at without a hint: another replica may have written.
const POLL: Duration = Duration::from_secs(1);

/// How long before its connection is cut a stream says goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// A channel allots 32 places at once, and keeps them: they are to be small.
type Item = Box<SubscribeResponse>;

/// Where a subscription begins, and what it gives.
pub(super) struct Start {
    pub store: Store,
    pub feed: broadcast::Receiver<Batch>,
    pub tenant: String,
    pub filter: EventFilter,
    pub cursor: i64,
    /// Whether to tell the reader its cursor at once, because it does not know it.
    pub announce: bool,
    pub heartbeat: Duration,
    pub slow_reader: Duration,
}

/// What ends a subscription that its reader does not.
pub(crate) struct End {
    /// True when the service goes down.
    pub drain: watch::Receiver<bool>,
    /// When the connection is cut that it goes over.
    pub at: Option<Instant>,
}

impl End {
    /// Why it is time to end, a little before it is too late to say so.
    async fn reached(mut self) -> Failure {
        let left = self.at.map(|at| at.saturating_duration_since(Instant::now()));
        let moving = async {
            match left {
                Some(left) => sleep(left.saturating_sub(FAREWELL.min(left / 2))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.drain.wait_for(|draining| *draining) => draining(),
            () = moving => moved(),
        }
    }
}

/// Events and heartbeats, and at last the reason why there are no more. Dropped, it stops reading.
pub(crate) struct Subscription {
    items: mpsc::Receiver<Item>,
    end: Option<oneshot::Receiver<Failure>>,
}

impl Start {
    /// Begins to read.
    pub fn spawn(self, until: End) -> Subscription {
        let (items, received) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        let mut pump = Pump { start: self, items, given_at: Instant::now() };
        tokio::spawn(async move {
            if let Some(why) = pump.run(until).await {
                let _ = end.send(why.with("cursor", pump.start.cursor.to_string()));
            }
        });
        Subscription { items: received, end: Some(ended) }
    }
}

impl Stream for Subscription {
    type Item = Answer<SubscribeResponse>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = ready!(self.items.poll_recv(context)) {
            return Poll::Ready(Some(Ok(*item)));
        }
        // The reason does not go through the channel, which may have been full. It is there before the channel closes.
        let Some(mut end) = self.end.take() else { return Poll::Ready(None) };
        let why = end
            .try_recv()
            .unwrap_or_else(|_| Failure::new(ErrorReason::Internal, "the event stream broke off"));
        Poll::Ready(Some(Err(why)))
    }
}

/// Reads for one subscription. The start's cursor moves with what was given.
struct Pump {
    start: Start,
    items: mpsc::Sender<Item>,
    given_at: Instant,
}

impl Pump {
    /// Runs until there is a reason to end, or the reader has left.
    async fn run(&mut self, end: End) -> Option<Failure> {
        let reader = self.items.clone();
        tokio::select! {
            biased;
            () = reader.closed() => None,
            why = end.reached() => Some(why),
            Err(why) = self.follow() => Some(why),
        }
    }

    async fn follow(&mut self) -> Answer<Infallible> {
        if self.start.announce {
            self.beat();
        }
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                hint = self.start.feed.recv() => match hint {
                    Ok(batch) => self.take(&batch).await?,
                    Err(RecvError::Lagged(_)) => self.read_on().await?,
                    Err(RecvError::Closed) => return Err(draining()),
                },
                // The first tick comes at once.
                _ = poll.tick() => self.read_on().await?,
                () = sleep_until(self.given_at + self.start.heartbeat) => self.beat(),
            }
        }
    }

    /// Takes fresh events where they go on from the cursor; otherwise the log has them.
    async fn take(&mut self, batch: &Batch) -> Answer<()> {
        if *batch.tenant != *self.start.tenant {
            return Ok(());
        }
        if batch.events.is_empty() {
            return self.read_on().await;
        }
        let cursor = self.start.cursor;
        let begin = batch.events.partition_point(|event| event.sequence <= cursor);
        let fresh = batch.events.get(begin..).unwrap_or_default();
        let Some(first) = fresh.first() else { return Ok(()) };
        // Only the log knows which invitation an event is about.
        if first.sequence != cursor + 1 || !self.start.filter.invitation_id.is_empty() {
            return self.read_on().await;
        }
        for event in fresh {
            if self.matches(event) {
                self.give(event.clone()).await?;
            }
            self.start.cursor = event.sequence;
        }
        Ok(())
    }

    fn matches(&self, event: &Event) -> bool {
        let filter = &self.start.filter;
        (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
            && (filter.connection_id.is_empty() || filter.connection_id == event.connection_id)
    }

    /// Reads the log to its end.
    async fn read_on(&mut self) -> Answer<()> {
        loop {
            let Start { store, tenant, filter, cursor, .. } = &self.start;
            // Boxed, as what a query needs is not needed between two.
            let part = Box::pin(read(store, tenant, *cursor, filter, BATCH)).await?;
            for event in part.events {
                self.give(event).await?;
            }
            self.start.cursor = part.cursor;
            if part.end {
                return Ok(());
            }
            if self.given_at.elapsed() >= self.start.heartbeat {
                self.beat();
            }
        }
    }

    async fn give(&mut self, event: Event) -> Answer<()> {
        let cursor = event.sequence;
        let item = Box::new(SubscribeResponse { cursor, event: Some(event) });
        match timeout(self.start.slow_reader, self.items.send(item)).await {
            Ok(Ok(())) => {
                self.start.cursor = cursor;
                self.given_at = Instant::now();
                Ok(())
            }
            Ok(Err(_)) => Err(draining()),
            Err(_) => Err(Failure::new(
                ErrorReason::SlowReader,
                format!(
                    "events were not read for {} s; go on from the cursor",
                    self.start.slow_reader.as_secs_f32()
                ),
            )),
        }
    }

    /// Tells the cursor. A reader that has items to read learns it from them.
    fn beat(&mut self) {
        let item = Box::new(SubscribeResponse { cursor: self.start.cursor, event: None });
        let _ = self.items.try_send(item);
        self.given_at = Instant::now();
    }
}

fn moved() -> Failure {
    let text =
        "the connection has come to its end; subscribe again from the cursor, on another one";
    Failure::new(ErrorReason::Draining, text).retry_after(Duration::ZERO)
}

fn draining() -> Failure {
    Failure::new(
        ErrorReason::Draining,
        "the service is going down; subscribe again from the cursor",
    )
    .retry_after(Duration::from_secs(1))
}
