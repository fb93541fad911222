//! The owner's word on a handshake that waits for one.

use entente_did::PublicKey;
use entente_protocol::Approval;
use entente_protocol::exchange::{Exchange, Input, State};
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as proto;
use entente_store::StoreError;

use super::{Answer, Engine, Invited, context};
use crate::project;
use crate::store::{AcceptanceState, ExchangeRow};

/// The most text of a reason.
const MAX_REASON: usize = 1000;

impl Engine {
    /// Goes on with a handshake: the invitee's request or the inviter's response is sent.
    pub async fn approve(
        &self,
        tenant: &str,
        request: proto::ApproveExchangeRequest,
    ) -> Answer<proto::Exchange> {
        let found = self.store.exchange(tenant, &request.id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("exchange", &request.id))?;
        let machine = row.machine()?;
        if is_approved(&machine) {
            return Ok(project::exchange(&row, None)?);
        }
        if let Some(label) = request.label {
            row.label = label;
        }
        let approval = self.approval(tenant, &row, &machine).await?;
        let identity = approval.identity.clone();
        let approved = self.approve_with(tenant, &row, approval).await;
        if let Err(failure) = &approved
            && identity.key.multibase() != row.invitation_key
        {
            self.forget_after(failure, tenant, &identity).await;
        }
        approved
    }

    async fn approval(
        &self,
        tenant: &str,
        row: &ExchangeRow,
        machine: &Exchange,
    ) -> Answer<Approval> {
        match (machine, machine.state(), machine.peer()) {
            (Exchange::Invitee(_), State::Invitation, _) => {
                self.invitee_approval(tenant, row, machine).await
            }
            (Exchange::Inviter(_), State::Request, Some(peer)) => {
                let corrupt = |_| StoreError::corrupt("exchanges.invitation_key");
                let key = PublicKey::from_multibase(&row.invitation_key).map_err(corrupt)?;
                let terms = machine.terms();
                let did = terms.invitation_did.as_ref().map(ToString::to_string);
                let invited = Invited::of(&row.label, &key, &did);
                self.inviter_approval(tenant, &invited, terms.handshake, &peer.did).await
            }
            _ => Err(Failure::wrong_state(
                "exchange",
                machine.state().name(),
                "a received invitation or request",
            )),
        }
    }

    async fn approve_with(
        &self,
        tenant: &str,
        wanted: &ExchangeRow,
        approval: Approval,
    ) -> Answer<proto::Exchange> {
        let mut work = self.work(tenant).await?;
        let found = work.exchange(&wanted.id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("exchange", &wanted.id))?;
        row.label = wanted.label.clone();
        let context = context();
        let handled = row.machine()?.handle(&context, Input::Approve(Box::new(approval)));
        let transition = handled.map_err(|rejected| refused(&rejected.exchange))?;
        self.step(&mut work, &mut row, transition).await?;
        if row.role == i32::from(proto::Role::Invitee) {
            for mut acceptance in work.acceptances_of_exchange(&row.id).await? {
                if acceptance.is(AcceptanceState::Received) {
                    acceptance.state = AcceptanceState::Connecting as i32;
                    work.update_acceptance(&mut acceptance);
                    work.emit(self.acceptance_event(&acceptance));
                }
            }
        }
        self.commit(work).await?;
        Ok(project::exchange(&row, None)?)
    }

    /// Abandons a handshake and tells the peer.
    pub async fn reject(
        &self,
        tenant: &str,
        request: proto::RejectExchangeRequest,
    ) -> Answer<proto::Exchange> {
        let reason = reason(request.reason, "rejected by the owner")?;
        self.end(tenant, &request.id, Input::Reject(reason)).await
    }

    /// Abandons a handshake without a word to the peer.
    pub async fn abandon(
        &self,
        tenant: &str,
        request: proto::AbandonExchangeRequest,
    ) -> Answer<proto::Exchange> {
        let reason = reason(request.reason, "given up by the owner")?;
        self.end(tenant, &request.id, Input::Abandon(reason)).await
    }

    async fn end(&self, tenant: &str, id: &str, input: Input) -> Answer<proto::Exchange> {
        let mut work = self.work(tenant).await?;
        let found = work.exchange(id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("exchange", id))?;
        let machine = row.machine()?;
        if machine.state() == State::Abandoned {
            return Ok(project::exchange(&row, None)?);
        }
        let is_told = matches!(input, Input::Reject(_));
        let handled = machine.handle(&context(), input);
        let transition = handled.map_err(|rejected| refused(&rejected.exchange))?;
        if !is_told {
            work.clear_lane(id);
        }
        self.step(&mut work, &mut row, transition).await?;
        self.commit(work).await?;
        Ok(project::exchange(&row, None)?)
    }

    /// Abandons a handshake whose deadline has passed.
    pub(crate) async fn pass_deadline(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        let Some(mut row) = work.exchange(id).await? else { return Ok(()) };
        if row.deadline_at.is_none_or(|due| due > work.now()) {
            return Ok(());
        }
        let context = context();
        match row.machine()?.handle(&context, Input::DeadlinePassed) {
            Ok(transition) => {
                work.clear_lane(id);
                self.step(&mut work, &mut row, transition).await?;
            }
            Err(_) => {
                row.deadline_at = None;
                work.update_exchange(&row);
            }
        }
        Ok(self.commit(work).await?)
    }
}

fn reason(given: String, default: &str) -> Answer<String> {
    if given.len() > MAX_REASON {
        return Err(Failure::field("reason", format!("must have at most {MAX_REASON} bytes")));
    }
    Ok(if given.is_empty() { default.to_owned() } else { given })
}

/// Whether an approval has had its effect already.
fn is_approved(machine: &Exchange) -> bool {
    matches!(
        (machine, machine.state()),
        (Exchange::Invitee(_), State::Request)
            | (Exchange::Inviter(_), State::Response)
            | (_, State::Done)
    )
}

fn refused(exchange: &Exchange) -> Failure {
    Failure::wrong_state(
        "exchange",
        exchange.state().name(),
        "one that is not DONE and waits for a decision",
    )
}
