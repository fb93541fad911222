//! What the readers of an agent's events know of the agent, and the invariants that each event must keep.

use std::collections::{BTreeMap, BTreeSet};

use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::connection::v1::{ExchangeState, InvitationKind, Role};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};

use crate::Violation;

/// The readers of one agent's events, over all its processes.
#[derive(Default)]
pub struct Watch {
    log: Vec<Event>,
    /// How far each reader of the present process is.
    read: Vec<usize>,
    pub exchanges: BTreeMap<String, proto::Exchange>,
    pub connections: BTreeMap<String, proto::Connection>,
    pub invitations: BTreeMap<String, proto::Invitation>,
    pub acceptances: BTreeMap<String, proto::Acceptance>,
    /// Connections that there were, in the order in which they were made.
    pub made: Vec<proto::Connection>,
    /// Exchanges, connections and invitations that were deleted.
    pub deleted: BTreeSet<String>,
    /// Reuses by peers, by invitation.
    pub reuses: BTreeMap<String, usize>,
    /// Messages that came, by connection in their order: the thread, which for these is the message's id.
    pub messages: BTreeMap<String, Vec<String>>,
    /// Threads of pings that were answered.
    pub pongs: BTreeSet<String>,
    seen: BTreeSet<(i32, String, String)>,
}

fn broken<T>(invariant: &'static str, detail: String) -> Result<T, Violation> {
    Err(Violation { invariant, detail })
}

impl Watch {
    /// Another process has no readers yet.
    pub fn begin_anew(&mut self) {
        self.read.clear();
    }

    /// Gives a reader, who begins at the beginning, its number.
    pub fn join(&mut self) -> usize {
        self.read.push(0);
        self.read.len() - 1
    }

    /// Whether the present process has shown each reader all that those before it had.
    pub fn is_up_to_date(&self) -> bool {
        self.read.iter().all(|read| *read >= self.log.len())
    }

    /// Takes an event that a reader got. Gives what the trace says of it, if it is new.
    pub fn take(&mut self, reader: usize, event: Event) -> Result<Option<String>, Violation> {
        let read = self.read[reader] + 1;
        self.read[reader] = read;
        if i64::try_from(read).ok() != Some(event.sequence) {
            return broken(
                "9: a reader gets every event once, in order",
                format!("event {} came as number {read} to reader {reader}", event.sequence),
            );
        }
        if let Some(known) = self.log.get(read - 1) {
            if *known != event {
                return broken(
                    "4: an event that was seen is there after a crash",
                    format!("it was {known:?}\nand is {event:?}"),
                );
            }
            return Ok(None);
        }
        self.log.push(event.clone());
        let kind = event.kind();
        let name = kind.as_str_name().trim_start_matches("EVENT_KIND_").to_lowercase();
        let detail = match &event.record {
            Some(Record::Exchange(exchange)) => self.exchange(kind, exchange)?,
            Some(Record::Connection(connection)) => self.connection(kind, connection)?,
            Some(Record::Invitation(invitation)) => self.invitation(kind, invitation)?,
            Some(Record::Acceptance(acceptance)) => self.acceptance(acceptance)?,
            Some(Record::Reuse(reuse)) => {
                if kind == EventKind::ConnectionReuse {
                    *self.reuses.entry(reuse.invitation_id.clone()).or_default() += 1;
                    self.single_use(&reuse.invitation_id)?;
                }
                let id = format!("{} {}", reuse.thread_id, reuse.invitation_id);
                // Without a thread, it is of a wait for another exchange; and who keeps waiting may be refused yet.
                let waits_on = self.acceptances.values().any(|acceptance| {
                    acceptance.thread_id == reuse.thread_id
                        && reason(acceptance) == proto::ReuseReason::PeerDidNotAnswer
                });
                if !reuse.thread_id.is_empty() && !waits_on {
                    self.once(kind, &reuse.connection_id, &id)?;
                }
                String::new()
            }
            Some(Record::Message(message)) => {
                self.once(kind, &message.connection_id, &message.message_id)?;
                let thread = message.thread_id.clone();
                if kind == EventKind::BasicMessageReceived {
                    let messages = self.messages.entry(message.connection_id.clone()).or_default();
                    messages.push(thread);
                } else if kind == EventKind::PingResponseReceived {
                    self.pongs.insert(thread);
                }
                String::new()
            }
            None => return broken("4: an event carries the whole record", format!("{event:?}")),
        };
        Ok(Some(format!("event {} {name}{detail}", event.sequence)))
    }

    fn once(&mut self, kind: EventKind, of: &str, id: &str) -> Result<(), Violation> {
        if self.seen.insert((kind.into(), of.to_owned(), id.to_owned())) {
            return Ok(());
        }
        broken("5: a message handled twice has the effect of one", format!("{kind:?} {id} twice"))
    }

    fn exchange(&mut self, kind: EventKind, new: &proto::Exchange) -> Result<String, Violation> {
        self.not_deleted(&new.id)?;
        if kind == EventKind::ExchangeDeleted {
            self.deleted.insert(new.id.clone());
            self.exchanges.remove(&new.id);
            return Ok(String::new());
        }
        if let Some(old) = self.exchanges.get(&new.id) {
            rises("exchange", old.version, new.version)?;
            let finals = [ExchangeState::Done, ExchangeState::Abandoned];
            if new.state < old.state || finals.contains(&old.state()) && new.state != old.state {
                return broken(
                    "1: state never moves back, and the last is final",
                    format!("{} from {:?} to {:?}", new.id, old.state(), new.state()),
                );
            }
            if new.role != old.role {
                return broken("1: a role never changes", new.id.clone());
            }
        }
        self.exchanges.insert(new.id.clone(), new.clone());
        Ok(format!(" {:?} {:?} v{}", new.role(), new.state(), new.version))
    }

    fn connection(
        &mut self,
        kind: EventKind,
        new: &proto::Connection,
    ) -> Result<String, Violation> {
        self.not_deleted_connection(&new.id)?;
        match kind {
            EventKind::ConnectionDeleted => {
                self.deleted.insert(format!("connection {}", new.id));
                self.connections.remove(&new.id);
                return Ok(String::new());
            }
            EventKind::ConnectionCreated => {
                if self.made.iter().any(|made| made.id == new.id) {
                    return broken("3: an exchange makes one connection", new.id.clone());
                }
                let done = self.exchanges.get(&new.id).map(proto::Exchange::state);
                if done != Some(ExchangeState::Done) && !self.deleted.contains(&new.id) {
                    return broken(
                        "1: a connection is what a DONE exchange makes",
                        format!("{} is {done:?}", new.id),
                    );
                }
                self.made.push(new.clone());
                if new.role() == Role::Inviter {
                    self.single_use(&new.invitation_id)?;
                }
            }
            _ => {
                if let Some(old) = self.connections.get(&new.id) {
                    rises("connection", old.version, new.version)?;
                }
            }
        }
        self.connections.insert(new.id.clone(), new.clone());
        Ok(format!(" {:?} v{}", new.role(), new.version))
    }

    fn invitation(
        &mut self,
        kind: EventKind,
        new: &proto::Invitation,
    ) -> Result<String, Violation> {
        if let Some(old) = self.invitations.get(&new.id)
            && kind == EventKind::InvitationChanged
        {
            rises("invitation", old.version, new.version)?;
            if new.state < old.state || new.uses < old.uses {
                return broken("1: state never moves back", format!("invitation {}", new.id));
            }
        }
        let most = match new.kind() {
            InvitationKind::MultiUse if new.max_uses == 0 => i32::MAX,
            InvitationKind::MultiUse => new.max_uses,
            _ => 1,
        };
        if new.uses > most {
            return broken("2: no invitation is used more often than it may", format!("{new:?}"));
        }
        if kind == EventKind::InvitationDeleted {
            self.deleted.insert(new.id.clone());
        }
        self.invitations.insert(new.id.clone(), new.clone());
        Ok(format!(" {:?} used {} v{}", new.state(), new.uses, new.version))
    }

    fn acceptance(&mut self, new: &proto::Acceptance) -> Result<String, Violation> {
        if let Some(old) = self.acceptances.get(&new.id) {
            rises("acceptance", old.version, new.version)?;
            if old.state() == proto::AcceptanceState::Reused && new.state != old.state {
                return broken("1: what is decided stays so", format!("acceptance {}", new.id));
            }
        }
        self.acceptances.insert(new.id.clone(), new.clone());
        Ok(format!(" {:?} {:?} v{}", new.state(), reason(new), new.version))
    }

    /// What a single-use invitation of ours has made.
    fn single_use(&self, id: &str) -> Result<(), Violation> {
        let Some(invitation) = self.invitations.get(id) else { return Ok(()) };
        let of_it =
            |made: &&proto::Connection| made.role() == Role::Inviter && made.invitation_id == *id;
        let made = self.made.iter().filter(of_it).count();
        let reused = self.reuses.get(id).copied().unwrap_or_default();
        let single = invitation.kind() == InvitationKind::SingleUse;
        if single && made + reused > 1 {
            return broken(
                "2: a single-use invitation makes at most one connection",
                format!("{id} made {made} and was reused for {reused}"),
            );
        }
        Ok(())
    }

    fn not_deleted(&self, id: &str) -> Result<(), Violation> {
        match self.deleted.contains(id) {
            true => broken("1: what is deleted does not come back", id.to_owned()),
            false => Ok(()),
        }
    }

    fn not_deleted_connection(&self, id: &str) -> Result<(), Violation> {
        self.not_deleted(&format!("connection {id}"))
    }
}

fn reason(acceptance: &proto::Acceptance) -> proto::ReuseReason {
    acceptance.decision.as_ref().map(proto::ReuseDecision::reason).unwrap_or_default()
}

fn rises(what: &str, old: i64, new: i64) -> Result<(), Violation> {
    if new > old {
        return Ok(());
    }
    broken("4: an event carries the record and its version", format!("{what}: {new} after {old}"))
}
