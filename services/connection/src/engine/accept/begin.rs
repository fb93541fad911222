//! A new exchange: prepared outside the transaction, since it needs other services, and written inside.

use entente_did::PublicKey;
use entente_protocol::exchange::{Exchange, Input, Terms};
use entente_protocol::{Approval, Identity};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{ErrorReason, Failure};

use crate::engine::invite::new_row;
use crate::engine::offer::Offer;
use crate::engine::steps::milliseconds;
use crate::engine::{Answer, Engine, context, now};
use crate::store::{Acceptance, AcceptanceState, ExchangeRow, Work};

/// A new exchange, ready to be written: made outside the transaction, since it needs other services.
pub(super) struct Prepared {
    row: ExchangeRow,
    machine: Exchange,
    approval: Option<Box<Approval>>,
}

impl Prepared {
    /// What was made for it, if it is to begin at once.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.approval.as_ref().map(|approval| &approval.identity)
    }
}

impl Engine {
    pub(super) async fn begin_prepared(
        &self,
        work: &mut Work,
        acceptance: &mut Acceptance,
        prepared: Prepared,
        exclusive: Option<String>,
    ) -> Answer<()> {
        let Prepared { mut row, machine, approval } = prepared;
        row.pending_for = exclusive;
        row.created_at = work.now();
        self.show(&mut row, &machine, work.now())?;
        acceptance.exchange_id = Some(row.id.clone());
        acceptance.connection_id = Some(row.id.clone());
        acceptance.deadline_at = None;
        let first = match approval {
            Some(approval) => {
                acceptance.state = AcceptanceState::Connecting as i32;
                let transition = machine.handle(&context(), Input::Approve(approval));
                Some(transition.map_err(|rejected| internal(&rejected.misbehaved))?)
            }
            None => {
                acceptance.state = AcceptanceState::Received as i32;
                None
            }
        };
        Ok(self.begin(work, &mut row, first).await?)
    }

    /// A new exchange after a reuse that came to nothing, unless one with the same inviter is under way already.
    pub(super) async fn begin_or_join(
        &self,
        work: &mut Work,
        offer: &Offer,
        row: &mut Acceptance,
        prepared: Prepared,
    ) -> Answer<Option<Prepared>> {
        let standing = work.standing(None, &offer.inviter()).await?;
        if let Some(exchange_id) = standing.under_way {
            row.outcome = proto::ReuseOutcome::Pending.into();
            row.reason = proto::ReuseReason::ConnectionNotReady.into();
            row.exchange_id = Some(exchange_id);
            row.deadline_at =
                Some(work.now().saturating_add(milliseconds(self.config.request_deadline)));
            work.update_acceptance(row);
            return Ok(Some(prepared));
        }
        row.outcome = proto::ReuseOutcome::New.into();
        self.begin_prepared(work, row, prepared, Some(offer.inviter())).await?;
        work.update_acceptance(row);
        Ok(None)
    }

    /// Makes what a new exchange needs from other services.
    pub(super) async fn prepare(
        &self,
        tenant: &str,
        offer: &Offer,
        acceptance: &Acceptance,
    ) -> Answer<Prepared> {
        let terms: Terms = self.terms(tenant, offer).await?;
        let mut row = new_row(now());
        row.invitation_id = offer.invitation.id.clone();
        row.invitation_key =
            terms.invitation_keys.first().map(PublicKey::multibase).unwrap_or_default();
        row.invitation_did = acceptance.invitation_did.clone();
        row.alias = acceptance.alias.clone();
        row.label = acceptance.label.clone();
        row.their_label = acceptance.their_label.clone();
        row.auto_accept = acceptance.auto_accept;
        row.did_method = acceptance.did_method;
        row.goal_code = offer.invitation.goal_code.clone().unwrap_or_default();
        row.goal = offer.invitation.goal.clone().unwrap_or_default();
        let machine = Exchange::invitee(terms);
        let approval = match acceptance.auto_accept {
            true => Some(Box::new(self.invitee_approval(tenant, &row, &machine).await?)),
            false => None,
        };
        Ok(Prepared { row, machine, approval })
    }

    /// Destroys the keys of an exchange that did not begin.
    pub(super) async fn discard(&self, tenant: &str, prepared: Option<Prepared>) {
        if let Some(identity) = prepared.as_ref().and_then(Prepared::identity) {
            self.forget(tenant, identity).await;
        }
    }
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorReason::Internal, error.to_string())
}
