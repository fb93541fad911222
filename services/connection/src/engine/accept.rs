//! Accepting invitations: reuse, join, or a new exchange.

mod begin;
mod resume;
mod reuse;
mod settle;
mod terms;

use entente_didcomm::out_of_band::InvitationFormat;
use entente_protocol::reuse::{Decision, Outcome, Policy, Question, Reason, decide};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;

use self::begin::Prepared;
pub(crate) use self::reuse::rejected_reuse;
use self::settle::wait_of;
use super::offer::Offer;
use super::once::Once;
use super::steps::milliseconds;
use super::{Answer, Engine, now, numbers};
use crate::project;
use crate::store::{Acceptance, AcceptanceState, Connection, Counted, Standing, Work};

impl Engine {
    /// Says what accepting would do.
    pub async fn preview(
        &self,
        tenant: &str,
        request: proto::PreviewInvitationRequest,
    ) -> Answer<proto::PreviewInvitationResponse> {
        let offer = self.read_offer(tenant, &request.invitation, now()).await?;
        let (policy, _) = self.policy(request.reuse.as_ref())?;
        let decision = self.foresee(tenant, &offer, policy).await?;
        Ok(proto::PreviewInvitationResponse {
            decision: Some(project::decision(&decision)),
            their_label: offer.invitation.label.clone().unwrap_or_default(),
            goal_code: offer.invitation.goal_code.clone().unwrap_or_default(),
            goal: offer.invitation.goal.clone().unwrap_or_default(),
            protocol: offer.handshake.map_or(0, numbers::handshake),
            invitation_did: offer.did.as_ref().map(ToString::to_string).unwrap_or_default(),
            invitation_json: offer.json,
        })
    }

    /// Accepts an invitation.
    pub async fn accept(
        &self,
        tenant: &str,
        mut request: proto::AcceptInvitationRequest,
    ) -> Answer<proto::AcceptInvitationResponse> {
        let once = Once::new("AcceptInvitation", &request.request_id, &request)?;
        if request.label.is_none() {
            request.label = self.label_of(tenant).await;
        }
        let wait = wait_of(&request)?;
        let mut events = self.feed.listen();
        let acceptance = match self.recall::<proto::AcceptInvitationResponse>(tenant, &once).await?
        {
            Some(known) => known.acceptance.unwrap_or_default(),
            None => self.accept_once(tenant, &request, &once).await?,
        };
        let acceptance = self.settle(tenant, acceptance, wait, &mut events).await?;
        Ok(proto::AcceptInvitationResponse { acceptance: Some(acceptance) })
    }

    async fn accept_once(
        &self,
        tenant: &str,
        request: &proto::AcceptInvitationRequest,
        once: &Once,
    ) -> Answer<proto::Acceptance> {
        let offer = self.read_offer(tenant, &request.invitation, now()).await?;
        let quota = self.quota(tenant, Counted::Connections).await;
        let (policy, patience) = self.policy(request.reuse.as_ref())?;
        let acceptance = self.acceptance_row(request, &offer, policy, patience)?;
        let decision = self.foresee(tenant, &offer, policy).await?;
        let mut prepared = match decision.outcome {
            Outcome::New => Some(self.prepare(tenant, &offer, &acceptance).await?),
            _ => None,
        };
        loop {
            let mut work = self.work(tenant).await?;
            if let Some(earlier) = self.earlier(&mut work, &offer, policy).await? {
                drop(work);
                self.discard(tenant, prepared.take()).await;
                return Ok(earlier);
            }
            let (decision, under_way) = self.decide(&mut work, &offer, policy).await?;
            if decision.outcome == Outcome::New
                && let Err(full) = quota.check(&mut work).await
            {
                drop(work);
                self.discard(tenant, prepared.take()).await;
                return Err(full);
            }
            if decision.outcome == Outcome::New && prepared.is_none() {
                drop(work);
                prepared = Some(self.prepare(tenant, &offer, &acceptance).await?);
                continue;
            }
            let mut row = acceptance.clone();
            row.exchange_id = under_way.filter(|_| decision.reason == Reason::ConnectionNotReady);
            let identity = prepared.as_ref().and_then(Prepared::identity).cloned();
            let unused = self
                .carry_out(&mut work, &offer, decision, &mut row, prepared.take(), policy)
                .await?;
            let acceptance = Some(project::acceptance(&row));
            let response = proto::AcceptInvitationResponse { acceptance };
            let response = self.commit_once(work, once, response).await?;
            let acceptance = response.acceptance.unwrap_or_default();
            // The same call may have been faster: then its exchange counts, and this one's keys are of no use.
            if let Some(identity) = identity
                && (unused.is_some() || acceptance.id != row.id)
            {
                self.forget(tenant, &identity).await;
            }
            return Ok(acceptance);
        }
    }

    /// The acceptance of the same invitation that is still good: while its exchange is under way, and afterwards if the
    /// invitation has no DID by which its connection could be recognised.
    async fn earlier(
        &self,
        work: &mut Work,
        offer: &Offer,
        policy: Policy,
    ) -> Answer<Option<proto::Acceptance>> {
        if policy.disabled {
            return Ok(None);
        }
        let Some(row) = work.acceptance_of_invitation(&offer.invitation.id).await? else {
            return Ok(None);
        };
        let Some(exchange_id) = &row.exchange_id else { return Ok(None) };
        let Some(exchange) = work.exchange(exchange_id).await? else { return Ok(None) };
        if exchange.state == i32::from(proto::ExchangeState::Abandoned) {
            return Ok(None);
        }
        let done = exchange.state == i32::from(proto::ExchangeState::Done);
        // With a DID, another acceptance of a multi-use invitation is answered by joining or reusing.
        if offer.did.is_some() || (done && work.connection(exchange_id).await?.is_none()) {
            return Ok(None);
        }
        let mut earlier = project::acceptance(&row);
        if let Some(decision) = &mut earlier.decision {
            decision.reason = proto::ReuseReason::AlreadyAccepted.into();
            decision.rule = "the same invitation was accepted before".to_owned();
        }
        Ok(Some(earlier))
    }

    /// The decision as things stand, without a transaction.
    async fn foresee(&self, tenant: &str, offer: &Offer, policy: Policy) -> Answer<Decision> {
        let did = offer.canonical_did();
        let standing = self.store.standing(tenant, did.as_deref(), &offer.inviter()).await?;
        Ok(decide(question(offer, policy, standing)))
    }

    /// The decision that holds until the work is committed, with the exchange that is under way.
    async fn decide(
        &self,
        work: &mut Work,
        offer: &Offer,
        policy: Policy,
    ) -> Answer<(Decision, Option<String>)> {
        let did = offer.canonical_did();
        let standing = work.standing(did.as_deref(), &offer.inviter()).await?;
        let under_way = standing.under_way.clone();
        Ok((decide(question(offer, policy, standing)), under_way))
    }

    /// Writes what was decided. A prepared exchange that is not needed is given back.
    async fn carry_out(
        &self,
        work: &mut Work,
        offer: &Offer,
        decision: Decision,
        row: &mut Acceptance,
        prepared: Option<Prepared>,
        policy: Policy,
    ) -> Answer<Option<Prepared>> {
        let reason = numbers::reason(decision.reason);
        let outcome = numbers::outcome(decision.outcome);
        let strip = |name: &'static str, prefix| name.strip_prefix(prefix).unwrap_or(name);
        self.metrics.reuse(
            strip(outcome.as_str_name(), "REUSE_OUTCOME_"),
            strip(reason.as_str_name(), "REUSE_REASON_"),
        );
        row.outcome = outcome.into();
        row.reason = reason.into();
        row.candidates = decision.candidates.join(" ");
        row.rule = decision.rule.to_owned();
        let best = decision.candidates.first().cloned();
        let unused = match (decision.reason, prepared) {
            (Reason::AwaitingPeer, prepared) => {
                let connection = self.candidate(work, best).await?;
                self.write_reuse_request(work, row, &connection, offer.invitation.version)?;
                prepared
            }
            (Reason::KnownDid, prepared) if !offer.is_silent() => {
                let connection = self.candidate(work, best).await?;
                self.reuse_unasked(work, row, connection)?;
                prepared
            }
            (Reason::RequestAttached | Reason::KnownDid, prepared) => {
                row.state = AcceptanceState::Reused as i32;
                row.connection_id = best;
                prepared
            }
            (Reason::ConnectionNotReady, prepared) => {
                row.state = AcceptanceState::Pending as i32;
                row.deadline_at =
                    Some(work.now().saturating_add(milliseconds(self.config.request_deadline)));
                prepared
            }
            (_, Some(prepared)) => {
                let exclusive = (!policy.disabled).then(|| offer.inviter());
                self.begin_prepared(work, row, prepared, exclusive).await?;
                None
            }
            (_, None) => {
                return Err(Failure::new(ErrorReason::Internal, "a new exchange was not prepared"));
            }
        };
        if row.version == 0 {
            row.version = 1;
            work.insert_acceptance(row);
        } else {
            work.update_acceptance(row);
        }
        work.emit(self.acceptance_event(row));
        if decision.reason == Reason::RequestAttached
            && let Some(connection_id) = row.connection_id.clone()
        {
            self.hand_over_requests(work, row, &connection_id);
        }
        Ok(unused)
    }

    async fn candidate(&self, work: &mut Work, id: Option<String>) -> Answer<Connection> {
        let found = match id {
            Some(id) => work.connection(&id).await?,
            None => None,
        };
        found.ok_or_else(|| Failure::from(StoreError::NotFound))
    }
}

fn question(offer: &Offer, policy: Policy, standing: Standing) -> Question {
    Question {
        has_did: offer.did.is_some(),
        has_requests: !offer.invitation.requests_attach.is_empty(),
        unasked: offer.is_silent() || offer.invitation.format == InvitationFormat::OutOfBand2,
        policy,
        candidates: standing.candidates,
        under_way: standing.under_way,
    }
}
