//! Accepting invitations: reuse, join, or a new exchange.

use std::time::Duration;

use entente_did::PublicKey;
use entente_didcomm::message::Message;
use entente_protocol::exchange::{Approval, Context, Exchange, Input, Terms};
use entente_protocol::reuse::{
    Decision, Outcome, Policy, Question, Reason, decide, handshake_reuse, unanswered,
};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{EventKind, Message as MessageRecord, Reuse};
use entente_rpc::{ErrorReason, Failure, duration_from_proto};
use entente_store::StoreError;
use tokio::sync::broadcast::error::RecvError;

use super::invite::new_row;
use super::offer::Offer;
use super::once::Once;
use super::steps::milliseconds;
use super::{Answer, Engine, message_id, now, numbers, record_id};
use crate::feed::Batch;
use crate::project;
use crate::store::{Acceptance, AcceptanceState, Connection, ExchangeRow, Kind, Standing, Work};

/// The longest wait for a peer's answer to a reuse: a day.
const MAX_PATIENCE: i64 = 24 * 3600 * 1000;
/// The longest that an accept call waits.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The most text of an alias or label.
const MAX_TEXT: usize = 1024;

/// A new exchange, ready to be written: made outside the transaction, since it needs other services.
struct Prepared {
    row: ExchangeRow,
    machine: Exchange,
    approval: Option<Box<Approval>>,
}

impl Prepared {
    fn key(&self) -> Option<PublicKey> {
        self.approval.as_ref().map(|approval| approval.identity.key)
    }
}

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
        request: proto::AcceptInvitationRequest,
    ) -> Answer<proto::AcceptInvitationResponse> {
        let once = Once::new("AcceptInvitation", &request.request_id, &request)?;
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
            if decision.outcome == Outcome::New && prepared.is_none() {
                drop(work);
                prepared = Some(self.prepare(tenant, &offer, &acceptance).await?);
                continue;
            }
            let mut row = acceptance.clone();
            row.exchange_id = under_way.filter(|_| decision.reason == Reason::ConnectionNotReady);
            let unused = self
                .carry_out(&mut work, &offer, decision, &mut row, prepared.take(), policy)
                .await?;
            let acceptance = Some(project::acceptance(&row));
            let response = proto::AcceptInvitationResponse { acceptance };
            let response = self.commit_once(work, once, response).await?;
            self.discard(tenant, unused).await;
            return Ok(response.acceptance.unwrap_or_default());
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
                self.write_reuse_request(work, row, &connection)?;
                prepared
            }
            (Reason::RequestAttached, prepared) => {
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

    async fn begin_prepared(
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
                let context = Context { message_id: message_id() };
                let transition = machine.handle(&context, Input::Approve(approval));
                Some(transition.map_err(|rejected| internal(&rejected.misbehaved))?)
            }
            None => {
                acceptance.state = AcceptanceState::Received as i32;
                None
            }
        };
        Ok(self.begin(work, &mut row, first).await?)
    }

    /// Makes what a new exchange needs from other services.
    async fn prepare(
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

    /// Destroys the key of an exchange that did not begin.
    async fn discard(&self, tenant: &str, prepared: Option<Prepared>) {
        if let Some(key) = prepared.and_then(|prepared| prepared.key()) {
            self.clients.delete_key(tenant, &key).await;
        }
    }

    /// Asks the peer of a connection to reuse it for an acceptance that exists, and tells of it.
    pub(crate) fn ask_reuse(
        &self,
        work: &mut Work,
        row: &mut Acceptance,
        connection: &Connection,
    ) -> Result<(), StoreError> {
        row.outcome = proto::ReuseOutcome::Pending.into();
        row.reason = proto::ReuseReason::AwaitingPeer.into();
        row.candidates = connection.id.clone();
        self.write_reuse_request(work, row, connection)?;
        work.update_acceptance(row);
        work.emit(self.acceptance_event(row));
        Ok(())
    }

    fn write_reuse_request(
        &self,
        work: &mut Work,
        row: &mut Acceptance,
        connection: &Connection,
    ) -> Result<(), StoreError> {
        let offer = self
            .stored_offer(&row.invitation)
            .map_err(|_| StoreError::corrupt("acceptances.invitation"))?;
        let message = handshake_reuse(&message_id(), offer.invitation.version, &row.invitation_id);
        row.state = AcceptanceState::Pending as i32;
        row.connection_id = Some(connection.id.clone());
        row.thread_id = Some(message.id.clone());
        row.deadline_at = Some(work.now().saturating_add(row.patience));
        work.send(
            &connection.id,
            Kind::Reuse,
            &message,
            Some(connection.my_key()?),
            connection.target()?,
        );
        Ok(())
    }

    /// Hands the requests attached to an invitation over, on the connection that they are answered on.
    pub(crate) fn hand_over_requests(
        &self,
        work: &mut Work,
        row: &Acceptance,
        connection_id: &str,
    ) {
        let Ok(offer) = self.stored_offer(&row.invitation) else { return };
        for attachment in &offer.invitation.requests_attach {
            let content = attachment.content(super::invite::MAX_METADATA);
            let Some(message) = content.ok().and_then(|content| Message::parse(&content).ok())
            else {
                continue;
            };
            work.emit(self.message_event(
                EventKind::RequestAttached,
                MessageRecord {
                    connection_id: connection_id.to_owned(),
                    message_id: message.id.clone(),
                    thread_id: message.thread_id().to_owned(),
                    r#type: message.message_type.to_string(),
                    message_json: message.to_value().to_string(),
                    error: String::new(),
                },
            ));
        }
    }

    /// Goes on with an acceptance whose wait has ended without the reuse it waited for.
    pub(crate) async fn resume_acceptance(&self, tenant: &str, id: &str) -> Answer<()> {
        let Some(row) = self.store.acceptance(tenant, id).await? else { return Ok(()) };
        let no_answer = numbers::no_answer(row.no_answer);
        let reason = match numbers::reason_of(row.reason) {
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
        if reason == Reason::PeerDidNotAnswer {
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

    /// A new exchange after a reuse that came to nothing, unless one with the same inviter is under way already.
    async fn begin_or_join(
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

    /// Waits for an acceptance to be decided, at most `wait`.
    async fn settle(
        &self,
        tenant: &str,
        mut acceptance: proto::Acceptance,
        wait: Duration,
        events: &mut tokio::sync::broadcast::Receiver<Batch>,
    ) -> Answer<proto::Acceptance> {
        let end = tokio::time::Instant::now() + wait;
        let mut connected = false;
        loop {
            let pending = acceptance.state() == proto::AcceptanceState::Pending;
            let connecting = acceptance.state() == proto::AcceptanceState::Connecting && !connected;
            if !(pending || connecting) || wait.is_zero() {
                return Ok(acceptance);
            }
            match tokio::time::timeout_at(end, events.recv()).await {
                Err(_) => return Ok(acceptance),
                Ok(Ok(batch)) if *batch.tenant == *tenant => {
                    for event in batch.events.iter() {
                        match &event.record {
                            Some(Record::Acceptance(changed)) if changed.id == acceptance.id => {
                                acceptance = changed.clone();
                            }
                            Some(Record::Connection(made)) if made.id == acceptance.exchange_id => {
                                connected = true
                            }
                            _ => {}
                        }
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(_))) => {
                    acceptance = self.get_acceptance(tenant, &acceptance.id).await?;
                    connected =
                        self.store.connection(tenant, &acceptance.exchange_id).await?.is_some();
                }
                Ok(Err(RecvError::Closed)) => return Ok(acceptance),
            }
        }
    }

    fn policy(&self, policy: Option<&proto::ReusePolicy>) -> Answer<(Policy, i64)> {
        let policy = policy.cloned().unwrap_or_default();
        let patience = match &policy.deadline {
            None => milliseconds(self.config.reuse_deadline),
            Some(deadline) => duration_from_proto(deadline)
                .filter(|patience| (1..=MAX_PATIENCE).contains(patience))
                .ok_or_else(|| {
                    Failure::field("reuse.deadline", "must be longer than 0 and at most a day")
                })?,
        };
        numbers::known::<proto::NoAnswerPolicy>("reuse.on_no_answer", policy.on_no_answer)?;
        let no_answer = numbers::no_answer(policy.on_no_answer);
        Ok((Policy { disabled: policy.disabled, no_answer }, patience))
    }

    fn acceptance_row(
        &self,
        request: &proto::AcceptInvitationRequest,
        offer: &Offer,
        policy: Policy,
        patience: i64,
    ) -> Answer<Acceptance> {
        for (field, text) in [
            ("alias", request.alias.as_str()),
            ("label", request.label.as_deref().unwrap_or_default()),
        ] {
            if text.len() > MAX_TEXT {
                return Err(Failure::field(field, format!("must have at most {MAX_TEXT} bytes")));
            }
        }
        let did_method = numbers::known::<proto::DidMethod>("did_method", request.did_method)?;
        if did_method == proto::DidMethod::InlineKey {
            return Err(Failure::field("did_method", "must be PEER_2, PEER_4 or unspecified"));
        }
        let now = now();
        let no_answer = match policy.no_answer {
            entente_protocol::reuse::NoAnswer::NewConnection => {
                proto::NoAnswerPolicy::NewConnection
            }
            entente_protocol::reuse::NoAnswer::Fail => proto::NoAnswerPolicy::Fail,
            entente_protocol::reuse::NoAnswer::KeepWaiting => proto::NoAnswerPolicy::KeepWaiting,
        };
        Ok(Acceptance {
            id: record_id(),
            invitation_id: offer.invitation.id.clone(),
            invitation: offer.json.clone(),
            invitation_did: offer.did.as_ref().map(ToString::to_string).unwrap_or_default(),
            canonical_did: offer.canonical_did(),
            state: 0,
            outcome: 0,
            reason: 0,
            candidates: String::new(),
            rule: String::new(),
            no_answer: no_answer.into(),
            patience,
            exchange_id: None,
            connection_id: None,
            thread_id: None,
            their_label: offer.invitation.label.clone().unwrap_or_default(),
            alias: request.alias.clone(),
            label: request.label.clone().unwrap_or_else(|| self.config.label.clone()),
            auto_accept: request.auto_accept.unwrap_or(self.config.auto_accept_invitations),
            did_method: request.did_method,
            deadline_at: None,
            created_at: now,
            updated_at: now,
            version: 0,
        })
    }
}

fn question(offer: &Offer, policy: Policy, standing: Standing) -> Question {
    Question {
        has_did: offer.did.is_some(),
        has_requests: !offer.invitation.requests_attach.is_empty(),
        policy,
        candidates: standing.candidates,
        under_way: standing.under_way,
    }
}

fn wait_of(request: &proto::AcceptInvitationRequest) -> Answer<Duration> {
    let Some(wait) = &request.wait else { return Ok(Duration::ZERO) };
    let milliseconds = duration_from_proto(wait).and_then(|wait| u64::try_from(wait).ok());
    let wait = milliseconds.ok_or_else(|| Failure::field("wait", "is negative"))?;
    Ok(Duration::from_millis(wait).min(MAX_WAIT))
}

/// What a rejected reuse tells.
pub(crate) fn rejected_reuse(row: &Acceptance, comment: &str) -> Reuse {
    Reuse {
        thread_id: row.thread_id.clone().unwrap_or_default(),
        connection_id: row.connection_id.clone().unwrap_or_default(),
        invitation_id: row.invitation_id.clone(),
        comment: comment.to_owned(),
        reason: row.reason,
    }
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorReason::Internal, error.to_string())
}
