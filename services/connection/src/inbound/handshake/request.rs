//! A request for one of our invitations.

use entente_did::{DidUrl, Document, PublicKey};
use entente_protocol::exchange::Input;
use entente_protocol::handshake::{Presented, Request, Thread, VerifiedRequest};
use entente_protocol::usage::Unusable;
use entente_protocol::{Approval, Misbehaved, Peer, problem};
use entente_rpc::proto::event::v1::EventKind;

use super::Stop;
use crate::engine::{Answer, Engine, Invited, Quota, context, record_id};
use crate::inbound::{Fate, Inbound};
use crate::store::{Counted, Invitation, Kind, Named, Work};

/// What the owner says of a request that it hands over, instead of the invitation.
#[derive(Default)]
pub(in crate::inbound) struct Wishes {
    pub alias: Option<String>,
    pub auto_accept: Option<bool>,
}

impl Engine {
    /// A request for one of our invitations.
    pub(in crate::inbound) async fn receive_request(&self, inbound: &Inbound) -> Answer<Fate> {
        let request = match Request::read(&inbound.message) {
            Ok(request) => request,
            Err(misbehaved) => return self.refuse(inbound, &misbehaved).await,
        };
        let verified = match self.verify_request(inbound, request.clone()).await {
            Ok(verified) => verified,
            Err(Stop::Refused(misbehaved)) => return self.refuse(inbound, &misbehaved).await,
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        match self.take_request(inbound, &request, &verified, &Wishes::default()).await {
            Ok(fate) => Ok(fate),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Refused(misbehaved)) => {
                self.report_request(inbound, &request, verified.peer, misbehaved).await
            }
        }
    }

    async fn verify_request(
        &self,
        inbound: &Inbound,
        request: Request,
    ) -> Result<VerifiedRequest, Stop> {
        let sender = inbound.sender()?;
        let document = self.requester(&inbound.tenant, &request).await?;
        Ok(request.verify(&document, sender)?)
    }

    /// The document of the DID that a request presents.
    pub(in crate::inbound) async fn requester(
        &self,
        tenant: &str,
        request: &Request,
    ) -> Result<Document, Stop> {
        match request.presented()? {
            Presented::Attached(document) => Ok(*document),
            Presented::Resolvable => self.resolve_peer(tenant, &request.did).await,
        }
    }

    pub(in crate::inbound) async fn take_request(
        &self,
        inbound: &Inbound,
        request: &Request,
        verified: &VerifiedRequest,
        wishes: &Wishes,
    ) -> Result<Fate, Stop> {
        let tenant = &inbound.tenant;
        let invitation = self.store.invitation_named(tenant, &named(request, inbound)).await?;
        let invitation = usable(invitation, inbound, request, crate::engine::now())?;
        // What the response needs from other services is made before the transaction.
        let approval = match wishes.auto_accept.unwrap_or(invitation.auto_accept) {
            true => {
                let invited = Invited::of(&invitation.label, &inbound.recipient, &invitation.did);
                let (handshake, did) = (verified.handshake, &verified.peer.did);
                let mut approval = self.inviter_approval(tenant, &invited, handshake, did).await?;
                approval.goal_code.clone_from(&request.goal_code);
                approval.goal.clone_from(&request.goal);
                Some(approval)
            }
            false => None,
        };
        let identity = approval.as_ref().map(|approval| approval.identity.clone());
        let quota = self.quota(tenant, Counted::Connections).await;
        let taken = self.write_request(inbound, request, verified, approval, wishes, quota).await;
        // The invitation's own is not to be given up with one request.
        if let Some(identity) = identity.filter(|identity| identity.key != inbound.recipient) {
            match &taken {
                Ok(Fate::Handled(_)) => {}
                Err(Stop::Failed(failure)) => self.forget_after(failure, tenant, &identity).await,
                _ => self.forget(tenant, &identity).await,
            }
        }
        taken
    }

    async fn write_request(
        &self,
        inbound: &Inbound,
        request: &Request,
        verified: &VerifiedRequest,
        approval: Option<Approval>,
        wishes: &Wishes,
        quota: Quota,
    ) -> Result<Fate, Stop> {
        let mut work = self.work(&inbound.tenant).await?;
        let found = work.invitation_named(&named(request, inbound)).await?;
        let mut invitation = usable(found, inbound, request, work.now())?;
        if !quota.has_room(&mut work).await? {
            // What the peer can know of it.
            return Err(Misbehaved::Invitation(Unusable::Used).into());
        }
        self.use_invitation(&mut work, &mut invitation)?;
        let waiting = match &invitation.exchange_id {
            Some(id) => work.exchange(id).await?,
            None => None,
        };
        let is_new = waiting.is_none();
        let mut row = match waiting {
            Some(row) => row,
            None => {
                let parent = request.invitation_id.as_ref().unwrap_or(&invitation.id);
                self.inviter_row(&invitation, parent, verified.handshake, work.now())?
            }
        };
        row.goal_code = request.goal_code.clone().unwrap_or(row.goal_code);
        row.goal = request.goal.clone().unwrap_or(row.goal);
        row.alias = wishes.alias.clone().unwrap_or(row.alias);
        row.auto_accept = wishes.auto_accept.unwrap_or(row.auto_accept);
        let input = Input::Request(verified.clone());
        let context = context();
        let transition =
            row.machine()?.handle(&context, input).map_err(|rejected| rejected.misbehaved)?;
        if is_new {
            self.begin(&mut work, &mut row, Some(transition)).await?;
        } else {
            self.step(&mut work, &mut row, transition).await?;
        }
        if let Some(approval) = approval {
            let handled = row.machine()?.handle(&context, Input::Approve(Box::new(approval)));
            self.step(&mut work, &mut row, handled.map_err(|rejected| rejected.misbehaved)?)
                .await?;
        }
        if verified.peer.unproven {
            // In its envelope, from whichever key, it has its effect no more.
            let keys = verified.peer.keys.iter();
            keys.for_each(|key| work.note_message(&key.multibase(), &inbound.message.id));
            self.finish_unnoted(inbound, work).await?;
        } else {
            self.finish(inbound, work).await?;
        }
        Ok(Fate::Handled(row.id))
    }

    /// Uses an invitation once.
    pub(in crate::inbound) fn use_invitation(
        &self,
        work: &mut Work,
        invitation: &mut Invitation,
    ) -> Result<(), Stop> {
        let usage = invitation.usage()?.consume(work.now()).map_err(Misbehaved::from)?;
        invitation.set_usage(usage);
        work.update_invitation(invitation);
        work.emit(self.invitation_event(EventKind::InvitationChanged, invitation));
        Ok(())
    }

    /// Tells a proven requester why its request is refused.
    async fn report_request(
        &self,
        inbound: &Inbound,
        request: &Request,
        peer: Peer,
        misbehaved: Misbehaved,
    ) -> Answer<Fate> {
        let mut work = self.work(&inbound.tenant).await?;
        let pthid = request.invitation_id.as_deref().unwrap_or_default();
        let thread = Thread { thid: &request.thread_id, pthid };
        let code = problem::handshake_code(&misbehaved, true);
        let text = misbehaved.to_string();
        let mut report = problem::handshake(&context(), request.handshake, thread, code, &text);
        if let Some(mine) = inbound.message.to_dids().first() {
            report = report.between(mine, &peer.did);
        }
        // A lane of its own: the thread is the stranger's choice, and could be the name of another's lane.
        work.send(&record_id(), Kind::Report, &report, Some(inbound.me()), peer.target);
        self.finish_refused(inbound, work, code).await?;
        self.refuse(inbound, &misbehaved).await
    }
}

/// How a request names its invitation: by its id; by a DID of ours, as `pthid` is the DID URL of a service where there is
/// no invitation (RFC 0023, implicit invitation), or the DID; or, in connections/1.0, only by the key that it is packed
/// for.
fn named(request: &Request, inbound: &Inbound) -> Named {
    match (&request.invitation_id, implicit(request)) {
        (_, Some(did)) => Named::Did(did),
        (Some(id), None) => Named::Id(id.clone()),
        (None, None) => Named::Key(inbound.recipient.multibase()),
    }
}

/// The DID of ours that a request names instead of an invitation.
pub(in crate::inbound) fn implicit(request: &Request) -> Option<String> {
    let id = request.invitation_id.as_deref().filter(|id| id.starts_with("did:"))?;
    Some(DidUrl::parse(id).ok()?.did.canonical().to_string())
}

/// The invitation of a request, if it may be used: it must be ours, open, offer the handshake, and the request must be
/// packed for its key.
fn usable(
    found: Option<Invitation>,
    inbound: &Inbound,
    request: &Request,
    now: i64,
) -> Result<Invitation, Stop> {
    let invitation = found.ok_or(Misbehaved::Invitation(Unusable::Unknown))?;
    if PublicKey::from_multibase(&invitation.key) != Ok(inbound.recipient) {
        return Err(Misbehaved::Invitation(Unusable::Unknown).into());
    }
    if !invitation.handshakes().any(|offered| request.handshake.answers(offered)) {
        return Err(Misbehaved::Invitation(Unusable::NoHandshake).into());
    }
    invitation.usage()?.check(now).map_err(Misbehaved::from)?;
    Ok(invitation)
}
