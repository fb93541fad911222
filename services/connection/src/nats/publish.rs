//! The event log as a JetStream stream.
//!
//! The leading replica publishes, one event of a tenant after the other, each once the one before is acknowledged: what
//! is in the stream is always the beginning of what is in the log, in its order, also where two replicas take themselves
//! for the leader. What is published again after a crash JetStream knows by its id.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use entente_rpc::proto::event::v1::Event;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Nats;
use crate::engine::{Answer, Engine};
use crate::events::{BATCH, epoch, read};
use crate::metrics::PublisherMetrics;
use crate::store::{Behind, EventFilter};

/// The stream, and what its subjects begin with.
const STREAM: &str = "ENTENTE_EVENTS";
const SUBJECTS: &str = "entente.events";
/// The name of the cursor.
const CONSUMER: &str = "nats";
/// How many tenants' events are published at the same time.
const TENANTS: usize = 32;
/// How often a cursor is stored, and how often the log is looked at without a hint.
const STORE: Duration = Duration::from_millis(500);
/// How long hints are gathered.
const GATHER: Duration = Duration::from_millis(5);
/// The pauses after failures.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// What a token of a subject may have as it is.
const TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Why publishing does not go on.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("there is no connection to NATS")]
    Away,
    #[error("the stream {STREAM} cannot be used: {0}")]
    Stream(String),
    #[error("JetStream did not take an event: {0}")]
    Publish(String),
    #[error("the log cannot be read: {0}")]
    Log(#[from] entente_rpc::Failure),
}

/// What a look at the log left.
enum Left {
    /// More to publish.
    More,
    /// Nothing.
    Nothing,
}

struct Publisher {
    engine: Engine,
    nats: Nats,
    jetstream: Context,
    metrics: PublisherMetrics,
    /// Whether the stream was there, the last time that something failed.
    stream_is_there: bool,
    /// Cursors that are not stored yet.
    acknowledged: HashMap<String, i64>,
    stored_at: Instant,
}

/// Publishes until the service drains, and then notes how far it came: who publishes next goes on there.
pub(crate) async fn run(engine: Engine, metrics: PublisherMetrics) {
    let Some(nats) = engine.nats.clone() else { return };
    let jetstream = nats.jetstream();
    let mut drain = engine.drain.clone();
    let mut publisher = Publisher {
        engine,
        nats,
        jetstream,
        metrics,
        stream_is_there: false,
        acknowledged: HashMap::new(),
        stored_at: Instant::now(),
    };
    let mut pause = None;
    while !*drain.borrow() {
        // Listening begins before the look, so that nothing is between the two.
        let mut hints = publisher.engine.feed.listen();
        match publisher.go_on().await {
            Ok(left) => {
                if pause.take().is_some() {
                    tracing::info!("events are published to NATS again");
                }
                let hint = async {
                    if timeout(STORE, hints.recv()).await.is_ok() {
                        sleep(GATHER).await;
                    }
                };
                if let Left::Nothing = left {
                    tokio::select! {
                        () = hint => {}
                        _ = drain.wait_for(|drains| *drains) => {}
                    }
                }
            }
            Err(trouble) => {
                // Hints of a long outage are not to pile up.
                drop(hints);
                if pause.is_none() {
                    tracing::warn!(reason = %trouble, "events are not published to NATS; trying again");
                }
                publisher.stream_is_there = false;
                let next = pause.map_or(PAUSE.0, |pause: Duration| PAUSE.1.min(pause * 2));
                pause = Some(next);
                let _ = timeout(next, drain.wait_for(|drains| *drains)).await;
            }
        }
    }
    if let Err(failure) = publisher.store().await {
        tracing::warn!(reason = %failure, "how far events were published was not noted; some are published again");
    }
}

impl Publisher {
    /// Publishes some events of each tenant that has any.
    async fn go_on(&mut self) -> Result<Left, Trouble> {
        let many = self.acknowledged.len() >= TENANTS;
        if many || self.stored_at.elapsed() >= STORE {
            self.store().await?;
        }
        if !self.engine.replica.leads() {
            self.metrics.lag.set(0);
            return Ok(Left::Nothing);
        }
        let limit = i64::try_from(TENANTS).unwrap_or(i64::MAX);
        let (tenants, lag) = self.engine.store.behind(CONSUMER, limit).await.map_err(failure)?;
        self.metrics.lag.set(lag);
        if tenants.is_empty() {
            return Ok(Left::Nothing);
        }
        if !self.nats.is_connected() {
            return Err(Trouble::Away);
        }
        self.make_stream().await?;
        self.publish(tenants).await
    }

    /// Makes the stream if there is none; one that is there stays as it is.
    async fn make_stream(&mut self) -> Result<(), Trouble> {
        if self.stream_is_there {
            return Ok(());
        }
        let config = Config {
            name: STREAM.to_owned(),
            description: Some("The event log of Entente".to_owned()),
            subjects: vec![format!("{SUBJECTS}.>")],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            max_age: self.engine.config.event_retention,
            ..Config::default()
        };
        let made = self.jetstream.get_or_create_stream(config).await;
        made.map_err(|error| Trouble::Stream(error.to_string()))?;
        self.stream_is_there = true;
        Ok(())
    }

    async fn publish(&mut self, tenants: Vec<Behind>) -> Result<Left, Trouble> {
        let mut runs = JoinSet::new();
        let mut left = if tenants.len() < TENANTS { Left::Nothing } else { Left::More };
        for tenant in tenants {
            let acknowledged = self.acknowledged.get(&tenant.tenant).copied().unwrap_or_default();
            let run = Run {
                engine: self.engine.clone(),
                jetstream: self.jetstream.clone(),
                metrics: self.metrics.clone(),
                cursor: tenant.done.max(acknowledged),
                tenant,
            };
            self.metrics.lag.dec_by(epoch::count(run.tenant.done, run.cursor));
            if run.cursor < run.tenant.last {
                runs.spawn(run.publish());
            }
        }
        let mut trouble = None;
        while let Some(ended) = runs.join_next().await {
            let Ok((tenant, cursor, result)) = ended else { continue };
            self.acknowledged.insert(tenant, cursor);
            match result {
                Ok(Left::More) => left = Left::More,
                Ok(Left::Nothing) => {}
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(left), Err)
    }

    /// Stores the cursors.
    async fn store(&mut self) -> Answer<()> {
        self.stored_at = Instant::now();
        let tenants: Vec<String> = self.acknowledged.keys().cloned().collect();
        for tenant in tenants {
            let Some(cursor) = self.acknowledged.get(&tenant) else { continue };
            let mut work = self.engine.work(&tenant).await?;
            work.move_consumer(CONSUMER, *cursor).await?;
            self.engine.commit(work).await?;
            self.acknowledged.remove(&tenant);
        }
        Ok(())
    }
}

/// Some events of one tenant.
struct Run {
    engine: Engine,
    jetstream: Context,
    metrics: PublisherMetrics,
    tenant: Behind,
    cursor: i64,
}

impl Run {
    /// Gives the tenant, up to where its events are acknowledged, and what is left.
    async fn publish(mut self) -> (String, i64, Result<Left, Trouble>) {
        let result = self.publish_batch().await;
        (self.tenant.tenant, self.cursor, result)
    }

    async fn publish_batch(&mut self) -> Result<Left, Trouble> {
        let purged = self.tenant.purged;
        if self.cursor < purged {
            let events = purged - self.cursor;
            tracing::error!(events, "events were not published to NATS as long as they were kept");
            self.cursor = purged;
        }
        let (store, tenant) = (&self.engine.store, &self.tenant.tenant);
        let part = read(store, tenant, self.cursor, &EventFilter::default(), BATCH).await?;
        for event in part.events {
            let sequence = event.sequence;
            self.publish_event(event).await?;
            self.cursor = sequence;
            self.metrics.published.inc();
            self.metrics.lag.dec();
        }
        Ok(if part.end { Left::Nothing } else { Left::More })
    }

    async fn publish_event(&self, mut event: Event) -> Result<(), Trouble> {
        match self.send(&event).await {
            Err(PublishErrorKind::MaxPayloadExceeded) if event.record.is_some() => {
                // Who reads the stream finds it in the log.
                event.record = None;
                self.send(&event).await
            }
            result => result,
        }
        .map_err(|kind| Trouble::Publish(kind.to_string()))
    }

    async fn send(&self, event: &Event) -> Result<(), PublishErrorKind> {
        let tenant = utf8_percent_encode(&self.tenant.tenant, TOKEN).to_string();
        let subject = format!("{SUBJECTS}.{tenant}.{}", kind(event));
        let message = PublishMessage::build()
            .message_id(format!("{tenant}:{}", event.sequence))
            .header("Content-Type", "application/protobuf")
            .header("Entente-Tenant", tenant.as_str())
            .header("Entente-Sequence", event.sequence.to_string().as_str())
            .payload(event.encode_to_vec().into());
        let acknowledged = self.jetstream.send_publish(subject, message).await;
        acknowledged.map_err(|error| error.kind())?.await.map_err(|error| error.kind())?;
        Ok(())
    }
}

/// The last token of the subject: `connection-created`.
fn kind(event: &Event) -> String {
    event.kind().as_str_name().trim_start_matches("EVENT_KIND_").to_lowercase().replace('_', "-")
}

fn failure(error: entente_store::StoreError) -> Trouble {
    Trouble::Log(error.into())
}
