//! A response to one of our requests.

use entente_protocol::exchange::{Exchange, Input, State};
use entente_protocol::handshake::{Presented, Response, Thread};
use entente_protocol::{Misbehaved, Role, problem};

use super::Stop;
use crate::engine::{Answer, Engine, context};
use crate::inbound::{Fate, Inbound};
use crate::store::Kind;

impl Engine {
    /// A response to one of our requests.
    pub(in crate::inbound) async fn receive_response(&self, inbound: &Inbound) -> Answer<Fate> {
        let ours = |machine: &Exchange| {
            machine.role() == Role::Invitee
                && machine.mine().is_some_and(|mine| mine.key == inbound.recipient)
        };
        let Some((row, machine)) =
            self.exchange_of_thread(&inbound.tenant, inbound.message.thread_id(), ours).await?
        else {
            let thread = inbound.message.thread_id().to_owned();
            return self.refuse(inbound, &Misbehaved::WrongThread(thread)).await;
        };
        match self.take_response(inbound, &row.id, &machine).await {
            Ok(fate) => Ok(fate),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Refused(misbehaved)) => {
                self.report_response(inbound, &row.id, &machine, misbehaved).await
            }
        }
    }

    async fn take_response(
        &self,
        inbound: &Inbound,
        id: &str,
        machine: &Exchange,
    ) -> Result<Fate, Stop> {
        let sender = inbound.sender()?;
        let response = Response::read(&inbound.message)?;
        let document = match response.presented(machine.terms(), sender)? {
            Presented::Attached(document) => *document,
            Presented::Resolvable => self.resolve_peer(&inbound.tenant, &response.did).await?,
        };
        let verified = response.verify(machine.terms(), &document, sender)?;
        let mut work = self.work(&inbound.tenant).await?;
        let Some(mut row) = work.exchange(id).await? else {
            return Err(Misbehaved::WrongThread(inbound.message.thread_id().to_owned()).into());
        };
        let context = context();
        let handled = row.machine()?.handle(&context, Input::Response(verified));
        let transition = handled.map_err(|rejected| rejected.misbehaved)?;
        // The answer shows that the request arrived, whatever its delivery said.
        work.clear_lane(id);
        self.step(&mut work, &mut row, transition).await?;
        self.finish(inbound, work).await?;
        Ok(Fate::Handled(row.id))
    }

    /// Tells the inviter why its response is refused. The handshake stays as it is: the right response may follow.
    async fn report_response(
        &self,
        inbound: &Inbound,
        id: &str,
        machine: &Exchange,
        misbehaved: Misbehaved,
    ) -> Answer<Fate> {
        let (terms, waits) = (machine.terms(), machine.state() == State::Request);
        if let (Some(mine), Some(to), true) = (machine.mine(), terms.target.clone(), waits) {
            let mut work = self.work(&inbound.tenant).await?;
            let thread = Thread { thid: inbound.message.thread_id(), pthid: &terms.invitation_id };
            let code = problem::handshake_code(&misbehaved, false);
            let text = misbehaved.to_string();
            let mut report = problem::handshake(&context(), terms.handshake, thread, code, &text);
            if let Some(theirs) = &terms.invitation_did {
                report = report.between(&mine.did, theirs);
            }
            work.send(id, Kind::Answer, &report, Some(mine.sender()), to);
            self.finish_refused(inbound, work, code).await?;
        }
        self.refuse(inbound, &misbehaved).await
    }
}
