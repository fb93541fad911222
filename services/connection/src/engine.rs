//! What the service does, apart from how it is called.

mod accept;
mod basic_messages;
mod decide;
mod duplicates;
mod end_invitation;
mod events;
mod find_invitation;
mod findings;
mod identity;
mod invite;
mod merge;
pub(crate) mod numbers;
mod offer;
mod once;
mod orphans;
mod quota;
mod read;
mod remove;
mod rotate;
mod send;
mod static_connection;
mod steps;

pub(crate) use accept::rejected_reuse;
pub(crate) use events::message_record;
pub(crate) use findings::patience;
pub(crate) use identity::Invited;
pub(crate) use invite::check_metadata;
pub(crate) use quota::Quota;
pub(crate) use read::check_alias;

use std::sync::Arc;

use entente_rpc::Failure;
pub(crate) use entente_rpc::now;
use entente_store::StoreError;
use tokio::sync::{Notify, watch};

use crate::clients::Clients;
use crate::config::Config;
use crate::feed::Feed;
use crate::inbound::ErrorLimit;
use crate::metrics::Metrics;
use crate::nats::Nats;
use crate::outbox::Outbox;
use crate::replicas::{Replica, Word};
use crate::store::{Outgoing, Store, Work};

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    pub store: Store,
    pub clients: Clients,
    pub config: Arc<Config>,
    pub feed: Feed,
    pub outbox: Outbox,
    pub replica: Replica,
    /// Where events are published, if anywhere.
    pub nats: Option<Nats>,
    pub metrics: Metrics,
    /// Errors of peers that were answered.
    pub error_limit: ErrorLimit,
    /// Wakes the timers before their tick.
    pub wake_timers: Arc<Notify>,
    /// True once the service drains: nothing is to wait any more.
    pub drain: watch::Receiver<bool>,
}

/// The result of what a caller asked for.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Engine {
    /// Begins a unit of work.
    pub async fn work(&self, tenant: &str) -> Result<Work, StoreError> {
        self.store.work(tenant, now(), self.replica.id()).await
    }

    /// The name that a tenant's peers see, unless the call has another.
    pub async fn label(&self, tenant: &str, given: Option<&String>) -> String {
        if let Some(given) = given {
            return given.clone();
        }
        let standing = self.config.tenants.standing(tenant).await;
        let own = standing.map(|standing| standing.label.clone()).unwrap_or_default();
        if own.is_empty() { self.config.label.clone() } else { own }
    }

    /// Begins a unit of work on the rows of all tenants, which has no events and no messages.
    pub async fn work_for_all(&self) -> Result<Work, StoreError> {
        self.store.work_for_all(now(), self.replica.id()).await
    }

    /// Commits a unit of work; then its events are seen and its messages sent.
    pub async fn commit(&self, work: Work) -> Result<(), StoreError> {
        let outgoing = self.commit_held(work).await?;
        self.outbox.enqueue(outgoing);
        Ok(())
    }

    /// Commits a unit of work; then its events are seen. The messages are the caller's to send.
    pub async fn commit_held(&self, work: Work) -> Result<Vec<Outgoing>, StoreError> {
        let tenant = work.tenant().to_owned();
        let committed = work.commit().await?;
        if self.store.is_shared() {
            if !committed.events.is_empty() {
                self.replica.tell(Word::Events(tenant.clone()));
            }
            for owner in committed.left_to {
                self.replica.tell(Word::Messages(owner));
            }
        }
        self.feed.publish(&tenant, committed.events);
        if committed.due {
            self.wake_timers.notify_one();
        }
        Ok(committed.outgoing)
    }
}

/// A new id for a record, which sorts by the time it was made.
pub(crate) fn record_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// What comes in with every input of a handshake.
pub(crate) fn context() -> entente_protocol::exchange::Context {
    entente_protocol::exchange::Context { message_id: message_id(), now: now() }
}

/// A new id for a message.
pub(crate) fn message_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
