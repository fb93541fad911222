//! A unit of work: one transaction with the events and the messages that follow from it.

use entente_did::PublicKey;
use entente_didcomm::message::Message;
use entente_protocol::Target;
use entente_rpc::proto::event::v1 as event;
use entente_store::{StoreError, Transaction};
use prost::Message as _;
use uuid::Uuid;

use super::outbox::{Kind, Outgoing};

/// An event that is committed with the work, without its sequence.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub kind: event::EventKind,
    pub connection_id: String,
    pub invitation_id: String,
    pub record: event::event::Record,
}

/// A transaction for one tenant. What it did becomes visible, and what it sends is sent, once it is committed.
pub(crate) struct Work {
    transaction: Transaction,
    tenant: String,
    now: i64,
    events: Vec<NewEvent>,
    outgoing: Vec<Outgoing>,
}

/// What a committed work leaves to be done.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub events: Vec<event::Event>,
    pub outgoing: Vec<Outgoing>,
}

impl Work {
    pub(super) fn new(transaction: Transaction, tenant: &str, now: i64) -> Self {
        Self {
            transaction,
            tenant: tenant.to_owned(),
            now,
            events: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    pub(super) fn tx(&mut self) -> &mut Transaction {
        &mut self.transaction
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The time of the work, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Adds an event.
    pub fn emit(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Adds a message to a lane.
    pub fn send(
        &mut self,
        lane: &str,
        kind: Kind,
        message: &Message,
        from: Option<PublicKey>,
        target: Target,
    ) {
        self.outgoing.push(Outgoing {
            tenant: self.tenant.clone(),
            id: Uuid::now_v7().to_string(),
            lane: lane.to_owned(),
            kind,
            message_id: message.id.clone(),
            thread_id: message.thread_id().to_owned(),
            message: message.to_value().to_string(),
            from,
            target,
            attempts: 0,
            created_at: self.now,
        });
    }

    /// Writes the events and messages, and commits.
    pub async fn commit(mut self) -> Result<Committed, StoreError> {
        let outgoing = std::mem::take(&mut self.outgoing);
        for message in &outgoing {
            self.insert_outgoing(message).await?;
        }
        let events = self.write_events().await?;
        self.transaction.commit().await?;
        Ok(Committed { events, outgoing })
    }

    /// Numbers the events and writes them. The tenant's counter is locked until the commit, so that numbers are
    /// committed in their order.
    async fn write_events(&mut self) -> Result<Vec<event::Event>, StoreError> {
        if self.events.is_empty() {
            return Ok(Vec::new());
        }
        let count = i64::try_from(self.events.len()).map_err(|_| StoreError::corrupt("events"))?;
        let (last,): (i64,) = sqlx::query_as(
            "INSERT INTO logs (tenant, last_sequence, purged_sequence) VALUES ($1, $2, 0) \
             ON CONFLICT (tenant) DO UPDATE SET last_sequence = logs.last_sequence + excluded.last_sequence \
             RETURNING last_sequence",
        )
        .bind(&self.tenant)
        .bind(count)
        .fetch_one(&mut *self.transaction)
        .await?;
        let mut written = Vec::with_capacity(self.events.len());
        for (sequence, new) in (last - count + 1..).zip(std::mem::take(&mut self.events)) {
            let mut event = event::Event {
                sequence: 0,
                kind: new.kind.into(),
                time: None,
                connection_id: new.connection_id,
                record: Some(new.record),
            };
            sqlx::query(
                "INSERT INTO events (tenant, sequence, kind, connection_id, invitation_id, time, record) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&self.tenant)
            .bind(sequence)
            .bind(event.kind)
            .bind(&event.connection_id)
            .bind(&new.invitation_id)
            .bind(self.now)
            .bind(event.encode_to_vec())
            .execute(&mut *self.transaction)
            .await?;
            event.sequence = sequence;
            event.time = Some(entente_rpc::time_to_proto(self.now));
            written.push(event);
        }
        Ok(written)
    }
}
