//! The tables, and the one way to change them: a [`Work`].

mod absorbed;
mod acceptances;
mod append;
mod basic_messages;
mod chain;
mod connections;
mod dids;
mod duplicates;
mod events;
mod exchanges;
mod findings;
mod invitations;
mod ledger;
mod orphans;
mod outbox;
mod replicas;
mod restored;
mod tenant;
mod verify;
mod webhooks;
mod work;

use std::sync::Arc;

use entente_store::{Database, Durability, Migrations, Query, Reader, StoreError, Tenants, Words};
use prometheus_client::registry::Registry;

pub(crate) use acceptances::{Acceptance, AcceptanceFilter, AcceptanceState};
pub(crate) use basic_messages::BasicMessage;
pub(crate) use connections::{Connection, ConnectionFilter, Standing};
pub(crate) use dids::OurDid;
pub(crate) use duplicates::PeerName;
pub(crate) use events::{DeadLetterRow, EventFilter};
pub(crate) use exchanges::{ExchangeFilter, ExchangeRow, Span};
pub(crate) use findings::{Finding, Stage};
pub(crate) use invitations::{Invitation, InvitationFilter, MULTI_USE, Named, SINGLE_USE};
pub(crate) use ledger::{Behind, Old};
pub(crate) use outbox::{Delivery, Kind, Outgoing};
pub use restored::begin_new_epoch;
pub(crate) use tenant::Counted;
pub(crate) use verify::LogState;
pub(crate) use webhooks::WebhookRow;
pub(crate) use work::{NewEvent, Work};

/// The steps to the schema.
pub static MIGRATIONS: Migrations = Migrations {
    name: "connection",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// What replicas tell each other by.
const CHANNEL: &str = "entente_connection";

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

/// A page of a list: rows with an id above `after` (below it when descending), in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub after: Option<String>,
    pub limit: i64,
    pub offset: i64,
    pub descending: bool,
}

impl Page {
    /// Ends a query over rows with an id.
    fn push(&self, query: &mut Query) {
        let (compare, order) =
            if self.descending { (" AND id < ", " DESC") } else { (" AND id > ", "") };
        if let Some(after) = &self.after {
            query.push(compare).push_bind(after.clone());
        }
        query.push(" ORDER BY id").push(order).push(" LIMIT ").push_bind(self.limit);
        query.push(" OFFSET ").push_bind(self.offset);
    }
}

impl Store {
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self { database: Database::connect(url, Durability::Full, &MIGRATIONS).await? })
    }

    /// Shows how much of the database's pools is used.
    pub fn register(&self, registry: &mut Registry) {
        self.database.register(registry);
    }

    /// Begins a unit of work for a tenant.
    pub async fn work(&self, tenant: &str, now: i64, owner: Arc<str>) -> Result<Work, StoreError> {
        Ok(Work::new(self.database.write(tenant).await?, tenant, now, owner))
    }

    /// Begins a unit of work on the rows of all tenants, which has no events and no messages.
    pub async fn work_for_all(&self, now: i64, owner: Arc<str>) -> Result<Work, StoreError> {
        let scope = entente_rpc::DEFAULT_TENANT;
        Ok(Work::new(self.database.write_in(scope, Tenants::All).await?, scope, now, owner))
    }

    /// Whether other processes may work on the same tables.
    pub fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    /// Tells the other replicas something.
    pub async fn tell(&self, words: &[String]) -> Result<(), StoreError> {
        self.database.tell(CHANNEL, words).await
    }

    /// Listens to what other replicas tell; `None` where that is not possible.
    pub async fn listen(&self) -> Result<Option<Words>, StoreError> {
        self.database.listen(CHANNEL).await
    }

    /// Waits until all that works have done is committed, and so can be read outside of a work: who collides with what
    /// another work did may learn it before that one's commit.
    pub async fn settled(&self, tenant: &str) -> Result<(), StoreError> {
        self.database.settled(tenant).await
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn read<'a>(&self, tenants: impl Into<Tenants<'a>>) -> Result<Reader<'a>, StoreError> {
        self.database.read(tenants).await
    }
}
