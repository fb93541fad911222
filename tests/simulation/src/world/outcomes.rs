//! What comes of calls and messages, and what must hold then.

use entente_rpc::Code;
use entente_rpc::proto::connection::v1::Disposition;
use tonic::Status;

use super::network::{Packet, Reply};
use super::{Calling, Checked, Offer, World};
use crate::Violation;
use crate::calls::{Answer, Call};
use crate::work::{Handled, Opened};

fn broken(invariant: &'static str, detail: String) -> Checked {
    Err(Violation { invariant, detail })
}

impl World {
    pub(super) fn called(&mut self, number: usize, result: Result<Answer, Status>) -> Checked {
        let Some(Calling { agent, call, pries }) = self.calls.remove(&number) else {
            return Ok(());
        };
        let code = result.as_ref().err().map(Status::code);
        if pries && code != Some(Code::NotFound) {
            let detail = format!("{call:?} of agent {agent} is answered with {code:?}");
            return broken("8: what is another's looks like what is not there", detail);
        }
        match result {
            Ok(answer) => {
                self.step(&format!("call {number} is answered"));
                self.answered(agent, call, answer);
                Ok(())
            }
            Err(status) => {
                self.step(&format!("call {number} fails: {:?}", status.code()));
                self.search_status(&status);
                is_no_defect(&status, &format!("{call:?}"))
            }
        }
    }

    fn answered(&mut self, agent: usize, call: Call, answer: Answer) {
        match (call, answer) {
            (_, Answer::Invitation(invitation)) => {
                self.search_message(invitation.as_ref());
                self.offers.push(Offer { owner: agent, invitation: *invitation });
            }
            (Call::Message(connection, _), Answer::Thread(thread)) => {
                self.sent.entry((agent, connection)).or_default().push(thread);
            }
            (Call::Ping(_), Answer::Thread(thread)) => self.pings.push((agent, thread)),
            (Call::Forge(forgery), Answer::Envelope(envelope)) => self.post(forgery.to, envelope),
            _ => {}
        }
    }

    pub(super) fn handled(&mut self, number: usize, handled: Handled) -> Checked {
        let Some(packet) = self.handling.remove(&number) else { return Ok(()) };
        let is_taken = handled.is_taken();
        let what = match &handled.result {
            Ok(disposition) => disposition.as_str_name().trim_start_matches("DISPOSITION_"),
            Err(status) => &format!("{:?}", status.code()),
        };
        let name = handled.opened.as_ref().map_or("", |opened| opened.name.as_str());
        let to = packet.to;
        self.step(&format!("packet {number}, a {name}, is {what} by process {to}"));
        if let Err(status) = &handled.result {
            self.search_status(status);
            is_no_defect(status, name)?;
        }
        if let Some(opened) = handled.opened {
            self.search_bytes(opened.message.to_string().as_bytes());
            match packet.forged {
                true => forged(&packet, &opened, &handled.result)?,
                false => self.effect(&packet, opened, &handled.result)?,
            }
        }
        if let Some(taken) = packet.taken {
            self.replies.push(Reply { number, from: packet.from, taken, is_taken });
        }
        Ok(())
    }

    fn effect(
        &mut self,
        packet: &Packet,
        opened: Opened,
        result: &Result<Disposition, Status>,
    ) -> Checked {
        let Packet { number, from, to, committed, .. } = packet;
        let id = opened.id.clone().unwrap_or_default();
        let detail = || format!("packet {number}, {} {id} of process {from}", opened.name);
        if !committed.contains(&id) && !self.was_deleted_at_once(&id) {
            return broken("4: nothing is sent before the state behind it is committed", detail());
        }
        if matches!(result, Ok(Disposition::Handled)) {
            if !self.homes[*to].inspector.has_received(&id) {
                return broken("5: no 2xx before a message's effect is committed", detail());
            }
            if !self.had_effect.insert((*to, *from, id.clone())) {
                return broken("5: a message handled twice has the effect of one", detail());
            }
        }
        if self.weather.forges {
            self.hear(*to, opened);
        }
        Ok(())
    }

    /// Whether a caller was told that a message is sent, and could have deleted its connection with the same commit: what is
    /// written and deleted in one transaction is in no table.
    fn was_deleted_at_once(&self, id: &String) -> bool {
        let told = self.sent.values().any(|sent| sent.contains(id))
            || self.pings.iter().any(|(_, thread)| thread == id);
        self.weather.deletes && told
    }

    /// Nothing is under way any more that would end by itself.
    pub(super) fn check_rest(&self) -> Checked {
        let calls: Vec<_> = self.calls.values().map(|calling| &calling.call).collect();
        let packets: Vec<_> = self.handling.keys().collect();
        if calls.is_empty() && packets.is_empty() {
            return Ok(());
        }
        let detail = format!("calls {calls:?}, packets {packets:?}");
        broken("10: nothing from outside panics or blocks", detail)
    }
}

/// What was not sent by who wrote it has no effect.
fn forged(packet: &Packet, opened: &Opened, result: &Result<Disposition, Status>) -> Checked {
    match result {
        Ok(Disposition::Refused | Disposition::Duplicate) | Err(_) => Ok(()),
        Ok(disposition) => broken(
            "6: a sender is who the envelope proves it is",
            format!("packet {}, a forged {}, is {disposition:?}", packet.number, opened.name),
        ),
    }
}

fn is_no_defect(status: &Status, what: &str) -> Checked {
    match status.code() {
        Code::Internal | Code::Unknown | Code::DataLoss => {
            broken("10: nothing from outside is a defect", format!("{what}: {status:?}"))
        }
        _ => Ok(()),
    }
}
