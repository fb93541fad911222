mod consumers;
mod log;
mod subscription;
mod verify;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{Failure, link};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

use super::{End, Subscription};
use crate::Links;
use crate::clients::Clients;
use crate::config::Config;
use crate::engine::{Engine, now};
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::outbox::{Inlets, Outbox};
use crate::store::{NewEvent, Store, Work};

pub(crate) const TENANT: &str = "acme";

/// A service's engine over a real database, without the services around it.
pub(crate) struct Fixture {
    pub engine: Engine,
    pub drain: watch::Sender<bool>,
    _inlets: Inlets,
    _directory: TempDir,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("connection.db");
        let mut config = Config::new(format!("sqlite:{}", path.display()), "http://agent.example");
        change(&mut config);
        let (outbox, inlets) = Outbox::new();
        let drain = watch::Sender::new(false);
        let engine = Engine {
            store: Store::connect(&config.database_url).await.unwrap(),
            clients: nobody(),
            config: Arc::new(config),
            feed: Feed::new(),
            outbox,
            nats: None,
            replica: crate::replicas::Replica::new().0,
            metrics: Metrics::default(),
            error_limit: crate::inbound::ErrorLimit::new(),
            wake_timers: Arc::default(),
            drain: drain.subscribe(),
        };
        Self { engine, drain, _inlets: inlets, _directory: directory }
    }

    /// Commits pings on a connection in one work.
    async fn ping(&self, connection_id: &str, count: usize) {
        let mut work = self.engine.work(TENANT).await.unwrap();
        for _ in 0..count {
            emit(&mut work, pb::EventKind::PingReceived, connection_id, "");
        }
        self.engine.commit(work).await.unwrap();
    }

    /// Removes the oldest events.
    async fn purge(&self, count: i64) {
        let mut work = self.engine.work(TENANT).await.unwrap();
        work.purge_events(now() + 1, count).await.unwrap();
        self.engine.commit(work).await.unwrap();
    }

    async fn subscribe(&self, request: pb::SubscribeRequest) -> Result<Subscription, Failure> {
        let end = End { drain: self.drain.subscribe(), at: None };
        self.engine.subscribe(TENANT, request, end).await
    }

    async fn after(&self, after: i64) -> Subscription {
        self.subscribe(pb::SubscribeRequest { after, ..Default::default() }).await.unwrap()
    }
}

/// Other services that nobody calls here.
fn nobody() -> Clients {
    let link = || link::remote("http://127.0.0.1:9", None).unwrap();
    Clients::new(Links { keystore: link(), resolver: link(), transport: link() })
}

fn emit(work: &mut Work, kind: pb::EventKind, connection_id: &str, invitation_id: &str) {
    let record = pb::event::Record::Message(pb::Message {
        connection_id: connection_id.to_owned(),
        ..pb::Message::default()
    });
    let (connection_id, invitation_id) = (connection_id.to_owned(), invitation_id.to_owned());
    work.emit(NewEvent { kind, connection_id, invitation_id, record });
}

async fn next(events: &mut Subscription) -> Result<pb::SubscribeResponse, Failure> {
    let item = timeout(Duration::from_secs(10), events.next()).await.expect("an item in time");
    item.expect("an item before the end")
}

/// The sequence of the next event, past heartbeats.
async fn next_sequence(events: &mut Subscription) -> i64 {
    loop {
        if let Some(event) = next(events).await.unwrap().event {
            return event.sequence;
        }
    }
}

/// What comes until the stream ends with a failure.
async fn drain_to_end(events: &mut Subscription) -> (Vec<i64>, Failure) {
    let mut sequences = Vec::new();
    loop {
        match next(events).await {
            Ok(item) => sequences.extend(item.event.map(|event| event.sequence)),
            Err(why) => return (sequences, why),
        }
    }
}
