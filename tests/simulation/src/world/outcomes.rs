//! What comes of calls and messages, and what must hold then.

use entente_rpc::Code;
use entente_rpc::proto::connection::v1::Disposition;

use super::network::{Packet, Reply};
use super::{Calling, Checked, Offer, World};
use crate::Violation;
use crate::work::{Answer, Call, Handled};

impl World {
    pub(super) fn called(
        &mut self,
        number: usize,
        result: Result<Answer, tonic::Status>,
    ) -> Checked {
        let Some(Calling { agent, call }) = self.calls.remove(&number) else { return Ok(()) };
        match result {
            Ok(answer) => {
                self.step(&format!("call {number} is answered"));
                self.answered(agent, call, answer);
                Ok(())
            }
            Err(status) => {
                self.step(&format!("call {number} fails: {:?}", status.code()));
                is_no_defect(&status, &format!("{call:?}"))
            }
        }
    }

    fn answered(&mut self, agent: usize, call: Call, answer: Answer) {
        match (call, answer) {
            (_, Answer::Invitation(invitation)) => {
                self.offers.push(Offer { owner: agent, invitation: *invitation });
            }
            (Call::Message(connection, _), Answer::Thread(thread)) => {
                self.sent.entry((agent, connection)).or_default().push(thread);
            }
            (Call::Ping(_), Answer::Thread(thread)) => self.pings.push((agent, thread)),
            _ => {}
        }
    }

    pub(super) fn handled(&mut self, number: usize, handled: Handled) -> Checked {
        let Some(packet) = self.handling.remove(&number) else { return Ok(()) };
        let is_taken = handled.is_taken();
        let Packet { from, to, committed, taken, .. } = packet;
        let what = match &handled.result {
            Ok(disposition) => disposition.as_str_name().trim_start_matches("DISPOSITION_"),
            Err(status) => &format!("{:?}", status.code()),
        };
        self.step(&format!("packet {number}, a {}, is {what} by agent {to}", handled.name));
        if let Some(id) = handled.id {
            if !committed.contains(&id) {
                let detail = format!("packet {number}, {} {id} of agent {from}", handled.name);
                return Err(Violation {
                    invariant: "4: nothing is sent before the state behind it is committed",
                    detail,
                });
            }
            if matches!(handled.result, Ok(Disposition::Handled)) {
                if !self.agents[to].inspector.has_received(&id) {
                    let detail = format!("packet {number}, {} {id}", handled.name);
                    return Err(Violation {
                        invariant: "5: no 2xx before a message's effect is committed",
                        detail,
                    });
                }
                if !self.had_effect.insert((to, from, id.clone())) {
                    let detail = format!("{} {id} of agent {from} at agent {to}", handled.name);
                    return Err(Violation {
                        invariant: "5: a message handled twice has the effect of one",
                        detail,
                    });
                }
            }
        }
        if let Err(status) = &handled.result {
            is_no_defect(status, &handled.name)?;
        }
        if let Some(taken) = taken {
            self.replies.push(Reply { number, from, taken, is_taken });
        }
        Ok(())
    }
}

fn is_no_defect(status: &tonic::Status, what: &str) -> Checked {
    match status.code() {
        Code::Internal | Code::Unknown | Code::DataLoss => Err(Violation {
            invariant: "10: nothing from outside is a defect",
            detail: format!("{what}: {status:?}"),
        }),
        _ => Ok(()),
    }
}
