//! A unit of work: one transaction with the events and the messages that follow from it.

use std::sync::Arc;

use entente_didcomm::message::Message;
use entente_protocol::{Sender, Target};
use entente_rpc::proto::event::v1 as event;
use entente_store::{Record, StoreError, Transaction, Value};
use uuid::Uuid;

use super::exchanges::ExchangeRow;
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
    pub(super) transaction: Transaction,
    /// A handshake that is written once, after its last change; and whether it is new.
    exchange: Option<(ExchangeRow, bool)>,
    tenant: String,
    now: i64,
    /// The replica that this process is.
    owner: Arc<str>,
    pub(super) events: Vec<NewEvent>,
    outgoing: Vec<Outgoing>,
    due: bool,
}

/// What a committed work leaves to be done.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    pub events: Vec<event::Event>,
    pub outgoing: Vec<Outgoing>,
    /// Replicas that were left messages to send, as they send others of the same lanes.
    pub left_to: Vec<String>,
    /// Something is due at once.
    pub due: bool,
}

impl Work {
    pub(super) fn new(transaction: Transaction, tenant: &str, now: i64, owner: Arc<str>) -> Self {
        Self {
            transaction,
            exchange: None,
            tenant: tenant.to_owned(),
            now,
            owner,
            events: Vec::new(),
            outgoing: Vec::new(),
            due: false,
        }
    }

    /// Carries out a statement, after all that was written so far, and says how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.write_held_exchange();
        self.transaction.execute(sql, values).await
    }

    /// Reads rows, after all that was written so far.
    pub(super) async fn fetch<T: Record>(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        self.write_held_exchange();
        self.transaction.fetch(sql, values).await
    }

    /// Adds a write, with its parameters.
    pub(super) fn write(&mut self, sql: &str, values: Vec<Value>) {
        self.write_held_exchange();
        self.transaction.write(sql, values);
    }

    /// Holds a handshake's changes back until something else is written: its steps in one work make one write.
    pub(super) fn hold_exchange(&mut self, row: &ExchangeRow, new: bool) {
        match &mut self.exchange {
            Some((held, _)) if held.id == row.id => held.clone_from(row),
            _ => {
                self.write_held_exchange();
                self.exchange = Some((row.clone(), new));
            }
        }
    }

    fn write_held_exchange(&mut self) {
        match self.exchange.take() {
            Some((row, true)) => self.write_new_exchange(&row),
            Some((row, false)) => self.write_exchange(&row),
            None => {}
        }
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The replica that this process is.
    pub(super) fn owner(&self) -> &str {
        &self.owner
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
        from: Option<Sender>,
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
            rejections: 0,
            created_at: self.now,
            trace: crate::trace::here(),
            waits: false,
        });
    }

    /// Writes the events and messages, and commits.
    pub async fn commit(mut self) -> Result<Committed, StoreError> {
        let head = if self.events.is_empty() { None } else { self.head().await? };
        let outgoing = std::mem::take(&mut self.outgoing);
        self.write_held_exchange();
        for message in &outgoing {
            self.insert_outgoing(message)?;
        }
        let mut events = self.write_events(head)?;
        let (count, now, mut due) = (count(&events)?, self.now, self.due);
        let rows: Vec<(Option<String>, i64)> = self.transaction.commit().await?;
        let last = rows.iter().rfind(|(owner, _)| owner.is_none()).map_or(0, |(_, last)| *last);
        let first = last - count + 1;
        let sent = rows.into_iter().filter_map(|(owner, at)| Some((owner?, at)));
        let (mut mine, mut left_to) = (Vec::new(), Vec::new());
        for (mut message, (owner, at)) in outgoing.into_iter().zip(sent) {
            if *owner == *self.owner {
                message.waits = !message.is_sent_at_once(at);
                due |= message.waits && at <= now;
                mine.push(message);
            } else {
                left_to.push(owner);
            }
        }
        for (sequence, event) in (first..).zip(&mut events) {
            event.sequence = sequence;
            event.time = Some(entente_rpc::time_to_proto(now));
        }
        Ok(Committed { events, outgoing: mine, left_to, due })
    }
}

pub(super) fn count<T>(list: &[T]) -> Result<i64, StoreError> {
    i64::try_from(list.len()).map_err(|_| StoreError::corrupt("events"))
}
