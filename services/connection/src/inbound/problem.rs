//! Problem reports, of every protocol and shape.

use entente_didcomm::message::Message;
use entente_protocol::exchange::{Exchange, Input};
use entente_protocol::problem::Report;
use entente_protocol::{Misbehaved, problem};
use entente_rpc::proto::event::v1::EventKind;
use entente_store::StoreError;

use super::error_limit::Verdict;
use super::{Fate, Inbound};
use crate::engine::{Answer, Engine, context, message_id, message_record};
use crate::store::{Connection, Kind, Work};

impl Engine {
    /// A problem report ends what it is about: a handshake, or the wait for a reuse. It is never answered.
    pub(super) async fn receive_report(&self, inbound: &Inbound) -> Answer<Fate> {
        let Some(sender) = &inbound.sender else {
            return self.refuse(inbound, &Misbehaved::Anonymous).await;
        };
        let authorised = |machine: &Exchange| {
            let terms = machine.terms();
            machine.peer().is_some_and(|peer| peer.keys.contains(sender.key()))
                || (machine.peer().is_none() && terms.invitation_keys.contains(sender.key()))
        };
        // A report of DIDComm v2 has a thread of its own, below the one that it is about.
        let threads = [Some(inbound.message.thread_id()), inbound.message.parent_thread_id()];
        let mut exchange = None;
        for thread_id in threads.into_iter().flatten() {
            if exchange.is_none() {
                exchange = self.exchange_of_thread(&inbound.tenant, thread_id, authorised).await?;
            }
        }
        let exchange = exchange.map(|(row, _)| row.id);
        let Some(id) = exchange.or_else(|| inbound.owner.clone()) else {
            return self.refuse(inbound, &Misbehaved::Stranger("exchange")).await;
        };
        let mut work = self.work(&inbound.tenant).await?;
        let id = work.kept_id(&id).await?.unwrap_or(id);
        let report = Report::of(&inbound.message);
        let record = message_record(&id, &inbound.message);
        work.emit(self.message_event(EventKind::ProblemReportReceived, record));
        let explain = &report.explain;
        if !report.warning && !self.reuse_refused(&mut work, &inbound.message, &id, explain).await?
        {
            self.reported(&mut work, inbound, &id, report).await?;
        }
        self.finish(inbound, work).await?;
        Ok(Fate::Handled(id))
    }

    /// What a report does to the handshake that it is about: it ends it, or asks for a message again.
    async fn reported(
        &self,
        work: &mut Work,
        inbound: &Inbound,
        id: &str,
        report: Report,
    ) -> Result<(), StoreError> {
        let Some(mut row) = work.exchange(id).await? else { return Ok(()) };
        let message = &inbound.message;
        // A report about another thread on the same connection is not about its handshake.
        let about_it = [Some(message.thread_id()), message.parent_thread_id()]
            .contains(&row.thread_id.as_deref());
        let input = Input::ProblemReport(report);
        if about_it && let Ok(transition) = row.machine()?.handle(&context(), input) {
            work.clear_lane(id);
            self.step(work, &mut row, transition).await?;
        }
        Ok(())
    }

    /// Tells the peer of a connection what is wrong with its message.
    pub(super) fn report(
        &self,
        work: &mut Work,
        about: &Message,
        connection: &Connection,
        code: &str,
        explain: &str,
    ) -> Result<(), StoreError> {
        let verdict = match about.is_v2() {
            true => self.error_limit.count(&connection.id, &about.comparable(about.thread_id())),
            false => Verdict::Report,
        };
        let report = match verdict {
            Verdict::Report => problem::general(&message_id(), about, code, explain),
            Verdict::Last => problem::max_errors_exceeded(&message_id(), about),
            Verdict::Silence => return Ok(()),
        };
        work.send_on(connection, Kind::Answer, &report)
    }
}
