//! Going on after a wait that ended without the reuse that was waited for.

use entente_protocol::reuse::{Outcome, Reason, unanswered};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;

use super::reuse::rejected_reuse;
use crate::engine::{Answer, Engine, numbers};
use crate::store::AcceptanceState;

impl Engine {
    /// Goes on with an acceptance whose wait has ended without the reuse it waited for.
    pub(crate) async fn resume_acceptance(&self, tenant: &str, id: &str) -> Answer<()> {
        let Some(row) = self.store.acceptance(tenant, id).await? else { return Ok(()) };
        let no_answer = numbers::no_answer(row.no_answer);
        let waited_for = numbers::reason_of(row.reason);
        let reason = match waited_for {
            Some(Reason::AwaitingPeer | Reason::ConnectionNotReady) | None => {
                Reason::PeerDidNotAnswer
            }
            Some(reason) => reason,
        };
        // A joined exchange that failed refused nothing: the acceptance begins one of its own.
        let outcome = match reason {
            Reason::ExchangeAbandoned => Some(Outcome::New),
            reason => unanswered(no_answer, reason),
        };
        let offer = self.stored_offer(&row.invitation)?;
        let prepared = match outcome {
            Some(Outcome::New) => match self.prepare(tenant, &offer, &row).await {
                Ok(prepared) => Some(prepared),
                Err(failure) if failure.code() == entente_rpc::Code::Unavailable => {
                    return Err(failure);
                }
                Err(_) => None,
            },
            _ => None,
        };
        let mut work = self.work(tenant).await?;
        let Some(mut row) = work.acceptance(id).await? else { return Ok(()) };
        if !row.is(AcceptanceState::Pending) || row.deadline_at.is_none_or(|due| due > work.now()) {
            drop(work);
            self.discard(tenant, prepared).await;
            return Ok(());
        }
        row.reason = numbers::reason(reason).into();
        row.deadline_at = None;
        let mut unused = None;
        match (outcome, prepared) {
            (None, _) => work.update_acceptance(&mut row),
            (Some(Outcome::New), Some(prepared)) => {
                unused = self.begin_or_join(&mut work, &offer, &mut row, prepared).await?;
            }
            _ => {
                row.state = AcceptanceState::Refused as i32;
                row.outcome = proto::ReuseOutcome::Refused.into();
                work.update_acceptance(&mut row);
            }
        }
        // Who went over to wait for another exchange was told of the reuse that it had asked for.
        let told = waited_for == Some(Reason::ConnectionNotReady) && row.thread_id.is_some();
        if reason == Reason::PeerDidNotAnswer && !told {
            work.emit(self.reuse_event(
                EventKind::ConnectionReuseRejected,
                rejected_reuse(&row, "the peer did not answer in time"),
            ));
        }
        work.emit(self.acceptance_event(&row));
        self.commit(work).await?;
        self.discard(tenant, unused).await;
        Ok(())
    }
}
