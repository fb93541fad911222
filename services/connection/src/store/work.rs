//! A unit of work: one transaction with the events and the messages that follow from it.

use entente_did::PublicKey;
use entente_didcomm::message::Message;
use entente_protocol::Target;
use entente_rpc::proto::event::v1 as event;
use entente_store::{StoreError, Transaction};
use prost::Message as _;
use uuid::Uuid;

use super::batch::{Batch, Value, values};
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
///
/// Writes are gathered and carried out together: before the next read, or with the commit.
pub(crate) struct Work {
    transaction: Transaction,
    tenant: String,
    now: i64,
    batch: Batch,
    events: Vec<NewEvent>,
    outgoing: Vec<Outgoing>,
    due: bool,
}

/// What a committed work leaves to be done.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub events: Vec<event::Event>,
    pub outgoing: Vec<Outgoing>,
    /// Something is due at once.
    pub due: bool,
}

impl Work {
    pub(super) fn new(transaction: Transaction, tenant: &str, now: i64) -> Self {
        Self {
            transaction,
            tenant: tenant.to_owned(),
            now,
            batch: Batch::default(),
            events: Vec::new(),
            outgoing: Vec::new(),
            due: false,
        }
    }

    /// The transaction, with all that was written so far.
    pub(super) async fn tx(&mut self) -> Result<&mut Transaction, StoreError> {
        self.batch.run(&mut self.transaction).await?;
        Ok(&mut self.transaction)
    }

    /// Adds a write, with its parameters.
    pub(super) fn write(&mut self, sql: &'static str, values: Vec<Value>) {
        self.batch.push(sql, values);
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The time of the work, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Says that the work makes something due at once: the timers look after the commit, not at their next tick.
    pub fn wake_timers(&mut self) {
        self.due = true;
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
            self.insert_outgoing(message)?;
        }
        let mut events = self.write_events()?;
        self.write("COMMIT", Vec::new());
        let last = self.batch.run(&mut self.transaction).await?;
        self.transaction.committed();
        let first = last.unwrap_or_default() - count(&events)? + 1;
        for (sequence, event) in (first..).zip(&mut events) {
            event.sequence = sequence;
            event.time = Some(entente_rpc::time_to_proto(self.now));
        }
        Ok(Committed { events, outgoing, due: self.due })
    }

    /// Numbers the events and writes them. The tenant's counter is locked until the commit, so that numbers are
    /// committed in their order. The last statement selects the last number.
    fn write_events(&mut self) -> Result<Vec<event::Event>, StoreError> {
        let events: Vec<_> = std::mem::take(&mut self.events)
            .into_iter()
            .map(|new| {
                let event = event::Event {
                    sequence: 0,
                    kind: new.kind.into(),
                    time: None,
                    connection_id: new.connection_id,
                    record: Some(new.record),
                };
                (event, new.invitation_id)
            })
            .collect();
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let count = count(&events)?;
        self.write(
            "INSERT INTO logs (tenant, last_sequence, purged_sequence) VALUES ($1, $2, 0) \
             ON CONFLICT (tenant) DO UPDATE SET last_sequence = logs.last_sequence + \
             excluded.last_sequence",
            values![self.tenant(), count],
        );
        for ((event, invitation_id), before_last) in events.iter().zip((0..count).rev()) {
            self.write(
                "INSERT INTO events (tenant, sequence, kind, connection_id, invitation_id, \
     time, record) SELECT tenant, last_sequence - $2, $3, $4, $5, $6, $7 FROM logs \
     WHERE tenant = $1",
                values![
                    self.tenant(),
                    before_last,
                    event.kind,
                    &event.connection_id,
                    invitation_id,
                    self.now,
                    event.encode_to_vec()
                ],
            );
        }
        self.write("SELECT last_sequence FROM logs WHERE tenant = $1", values![self.tenant()]);
        Ok(events.into_iter().map(|(event, _)| event).collect())
    }
}

fn count<T>(list: &[T]) -> Result<i64, StoreError> {
    i64::try_from(list.len()).map_err(|_| StoreError::corrupt("events"))
}
