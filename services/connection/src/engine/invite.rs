//! Making invitations.

mod check;
mod format;

use entente_did::{Did, KeyType, PublicKey, create};
use entente_didcomm::message::Version;
use entente_didcomm::out_of_band::{self, InlineService, InvitationFormat, InvitationService};
use entente_protocol::{Exchange, Handshake, Identity, Terms};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::{Failure, duration_from_proto};
use entente_store::StoreError;
use uuid::Uuid;

pub(crate) use self::check::check_metadata;
pub(in crate::engine) use self::check::{MAX_METADATA, MAX_TEXT};
use self::check::{attachments, check};
use self::format::Plan;
use super::identity::unusable;
use super::once::Once;
use super::quota::Quota;
use super::{Answer, Engine, numbers, record_id};
use crate::store::{Counted, ExchangeRow, Invitation, MULTI_USE, OurDid, SINGLE_USE, Work};

/// What the invitation offers: its service, and the key that stands behind it.
struct Offer {
    service: InvitationService,
    key: PublicKey,
    /// What was made for this invitation alone.
    fresh: Option<Fresh>,
}

enum Fresh {
    Key(PublicKey),
    Did(OurDid),
}

impl Engine {
    /// Makes an invitation.
    pub async fn create_invitation(
        &self,
        tenant: &str,
        mut request: proto::CreateInvitationRequest,
    ) -> Answer<proto::CreateInvitationResponse> {
        let once = Once::new("CreateInvitation", &request.request_id, &request)?;
        if let Some(response) = self.recall(tenant, &once).await? {
            return Ok(response);
        }
        check(&request)?;
        if request.label.is_none() {
            request.label = self.label_of(tenant).await;
        }
        let plan = Plan::of(&request)?;
        let quota = self.quota(tenant, Counted::Invitations).await;
        if quota.is_limited() {
            // Before keys are made that nothing would need.
            quota.check(&mut self.work(tenant).await?).await?;
        }
        let offer = self.offer(tenant, &request, &plan).await?;
        let fresh = offer.fresh.as_ref().map(Fresh::identity);
        let answer = self.write_invitation(tenant, &once, &request, &plan, &offer, quota).await;
        let made = |answer: &proto::CreateInvitationResponse| {
            answer.invitation.as_ref().is_some_and(|made| made.key == offer.key.multibase())
        };
        match (&answer, &fresh) {
            (Ok(answer), Some(fresh)) if !made(answer) => self.forget(tenant, fresh).await,
            (Err(failure), Some(fresh)) => self.forget_after(failure, tenant, fresh).await,
            _ => {}
        }
        answer
    }

    async fn write_invitation(
        &self,
        tenant: &str,
        once: &Once,
        request: &proto::CreateInvitationRequest,
        plan: &Plan,
        offer: &Offer,
        quota: Quota,
    ) -> Answer<proto::CreateInvitationResponse> {
        let label = self.label(tenant, request.label.as_ref()).await;
        let mut work = self.work(tenant).await?;
        quota.check(&mut work).await?;
        if let Some(Fresh::Did(did)) = &offer.fresh {
            work.insert_did(did, None).await?;
        }
        let mut row = self.invitation_row(request, label, plan, offer, work.now())?;
        if row.kind == SINGLE_USE && !plan.handshakes.is_empty() {
            self.wait_for_request(&mut work, &mut row, &plan.handshakes).await?;
        }
        work.insert_invitation(&row);
        work.emit(self.invitation_event(EventKind::InvitationCreated, &row));
        let response =
            proto::CreateInvitationResponse { invitation: Some(crate::project::invitation(&row)) };
        self.commit_once(work, once, response).await
    }

    async fn offer(
        &self,
        tenant: &str,
        request: &proto::CreateInvitationRequest,
        plan: &Plan,
    ) -> Answer<Offer> {
        if !request.use_did.is_empty() {
            return self.offer_of_did(tenant, &request.use_did, plan).await;
        }
        if plan.format == InvitationFormat::OutOfBand2 {
            return self.v2_offer(tenant, request).await;
        }
        let method = plan.did_method(request);
        if method == proto::DidMethod::InlineKey {
            let key = self.clients.create_key(tenant).await?;
            let service = InvitationService::Inline(InlineService::new(key, &self.config.endpoint));
            return Ok(Offer { service, key, fresh: Some(Fresh::Key(key)) });
        }
        let peer4 = method == proto::DidMethod::Peer4;
        let name = format!("peer:{} {}", if peer4 { 4 } else { 2 }, self.config.endpoint);
        let shared_as = (!request.create_unique_did).then_some(name);
        if let Some(name) = &shared_as
            && let Some(known) = self.store.shared_did(tenant, name).await?
        {
            return Ok(Offer::of(known));
        }
        let key = self.clients.create_key(tenant).await?;
        let endpoint = &self.config.endpoint;
        let did = if peer4 {
            create::v1_peer4(&key, endpoint, &[]).map_err(unusable)?.long
        } else {
            create::v1_peer2(&key, endpoint, &[]).map_err(unusable)?
        };
        self.offer_of_new(tenant, OurDid { did, key }, shared_as.as_deref()).await
    }

    /// A DID of DIDComm v2 stays that of the connection, so that a single-use invitation has one of its own.
    async fn v2_offer(
        &self,
        tenant: &str,
        request: &proto::CreateInvitationRequest,
    ) -> Answer<Offer> {
        let multi_use = request.kind() == proto::InvitationKind::MultiUse;
        let shared_as = (multi_use && !request.create_unique_did)
            .then(|| format!("peer:2 didcomm/v2 {}", self.config.endpoint));
        if let Some(name) = &shared_as
            && let Some(known) = self.store.shared_did(tenant, name).await?
        {
            return Ok(Offer::of(known));
        }
        let Identity { did, key } = self.v2_identity(tenant).await?;
        self.offer_of_new(tenant, OurDid { did, key }, shared_as.as_deref()).await
    }

    async fn offer_of_did(&self, tenant: &str, did: &str, plan: &Plan) -> Answer<Offer> {
        let did = Did::parse(did).map_err(|error| Failure::field("use_did", error.to_string()))?;
        let known = self.store.our_did(tenant, &did).await?;
        let unknown =
            || Failure::field("use_did", "is not a DID that this agent made for invitations");
        let known = known.ok_or_else(unknown)?;
        let v2 = known.key.key_type() != KeyType::Ed25519;
        if v2 != (plan.format == InvitationFormat::OutOfBand2) {
            let text = "is for another version of DIDComm than the invitation's format";
            return Err(Failure::field("use_did", text));
        }
        Ok(Offer::of(known))
    }

    /// A new DID of ours: kept with its invitation, or now, if invitations are to share it. If another call was faster with
    /// that one, it is used.
    async fn offer_of_new(
        &self,
        tenant: &str,
        did: OurDid,
        shared_as: Option<&str>,
    ) -> Answer<Offer> {
        let Some(shared_as) = shared_as else {
            return Ok(Offer { fresh: Some(Fresh::Did(did.clone())), ..Offer::of(did) });
        };
        let mut work = self.work(tenant).await?;
        if work.insert_did(&did, Some(shared_as)).await? {
            self.commit(work).await?;
            return Ok(Offer::of(did));
        }
        drop(work);
        self.store.settled(tenant).await?;
        self.forget(tenant, &did.into()).await;
        let known = self.store.shared_did(tenant, shared_as).await?;
        known.map(Offer::of).ok_or_else(|| StoreError::Conflict.into())
    }

    fn invitation_row(
        &self,
        request: &proto::CreateInvitationRequest,
        label: String,
        plan: &Plan,
        offer: &Offer,
        now: i64,
    ) -> Answer<Invitation> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let handshakes = &plan.handshakes;
        let mut message = offer.message(plan.format)?;
        message.label = Some(label.clone());
        message.goal_code = text(&request.goal_code);
        message.goal = text(&request.goal);
        message.image_url = text(&request.image_url);
        message.accept = accept(request, plan.format);
        message.handshake_protocols =
            handshakes.iter().map(|handshake| handshake.protocol().to_string()).collect();
        message.requests_attach = attachments(request)?;
        if request.protocol_version == "1.0" {
            message.version = Version::new(1, 0);
            message.accept.clear();
        }
        let did = offer.service.did().map(str::to_owned);
        let expires_in = request.expires_in.as_ref().and_then(duration_from_proto);
        if plan.format == InvitationFormat::OutOfBand2 {
            message.created_time = Some(now.div_euclid(1000));
            let end = |expires_in: i64| now.saturating_add(expires_in).div_euclid(1000);
            message.expires_time = expires_in.map(end);
        }
        let numbers: Vec<_> =
            handshakes.iter().map(|h| numbers::handshake(*h).to_string()).collect();
        let multi_use = request.kind() == proto::InvitationKind::MultiUse;
        let short_id = request.short_url.then(|| Uuid::new_v4().simple().to_string());
        Ok(Invitation {
            id: message.id.clone(),
            kind: if multi_use { MULTI_USE } else { SINGLE_USE },
            state: proto::InvitationState::Open.into(),
            max_uses: (request.max_uses > 0).then_some(i64::from(request.max_uses)),
            uses: 0,
            canonical_did: did
                .as_deref()
                .and_then(|did| Did::parse(did).ok())
                .map(|did| did.canonical().to_string()),
            did,
            key: offer.key.multibase(),
            label,
            alias: request.alias.clone(),
            goal_code: request.goal_code.clone(),
            goal: request.goal.clone(),
            format: plan.number(),
            handshakes: numbers.join(","),
            message: message.to_json().to_string(),
            url: message.to_url(&self.config.endpoint),
            metadata: if request.metadata_json.is_empty() {
                "{}".to_owned()
            } else {
                request.metadata_json.clone()
            },
            auto_accept: request.auto_accept.unwrap_or(self.config.auto_accept_requests),
            exchange_id: None,
            implicit: request.implicit,
            created_at: now,
            updated_at: now,
            expires_at: expires_in.map(|expires_in| now.saturating_add(expires_in)),
            version: 1,
            short_url: short_id
                .as_deref()
                .map(|id| out_of_band::short_url(&self.config.endpoint, id)),
            short_id,
        })
    }

    /// The exchange in INVITATION that waits for a single-use invitation's request.
    async fn wait_for_request(
        &self,
        work: &mut Work,
        invitation: &mut Invitation,
        handshakes: &[Handshake],
    ) -> Answer<()> {
        let Some(handshake) = handshakes.first() else { return Ok(()) };
        let mut row = self.inviter_row(invitation, &invitation.id, *handshake, work.now())?;
        if *handshake == Handshake::Identus10 {
            // The agents of Identus know the inviter's side of a connection by its invitation.
            row.id.clone_from(&invitation.id);
        }
        self.begin(work, &mut row, None).await?;
        invitation.exchange_id = Some(row.id);
        Ok(())
    }

    /// A new exchange for an invitation of ours, under the parent thread that its request names.
    pub(crate) fn inviter_row(
        &self,
        invitation: &Invitation,
        parent_thread: &str,
        handshake: Handshake,
        now: i64,
    ) -> Answer<ExchangeRow> {
        let corrupt = |_| entente_store::StoreError::corrupt("invitations.key");
        let key = PublicKey::from_multibase(&invitation.key).map_err(corrupt)?;
        let machine = Exchange::inviter(Terms {
            handshake,
            invitation_id: parent_thread.to_owned(),
            invitation_keys: vec![key],
            invitation_did: invitation.did.as_deref().and_then(|did| Did::parse(did).ok()),
            target: None,
        });
        let mut row = new_row(now);
        row.invitation_id = invitation.id.clone();
        row.invitation_key = invitation.key.clone();
        row.invitation_did = invitation.did.clone().unwrap_or_default();
        row.alias = invitation.alias.clone();
        row.label = invitation.label.clone();
        row.auto_accept = invitation.auto_accept;
        row.multi_use = invitation.kind == MULTI_USE;
        row.goal_code = invitation.goal_code.clone();
        row.goal = invitation.goal.clone();
        row.metadata = invitation.metadata.clone();
        self.show(&mut row, &machine, now)?;
        Ok(row)
    }
}

impl Fresh {
    fn identity(&self) -> Identity {
        match self {
            Self::Key(key) => Identity { did: create::nym(key), key: *key },
            Self::Did(did) => did.clone().into(),
        }
    }
}

impl Offer {
    fn of(did: OurDid) -> Self {
        let service = InvitationService::Did(did.did.to_string());
        Self { service, key: did.key, fresh: None }
    }

    /// An invitation with nothing but what is offered.
    fn message(&self, format: InvitationFormat) -> Answer<out_of_band::Invitation> {
        let service = self.service.clone();
        Ok(match format {
            InvitationFormat::OutOfBand1 => out_of_band::Invitation::new(record_id(), service),
            InvitationFormat::Connections1 => {
                out_of_band::Invitation::connections_1(record_id(), service)
            }
            InvitationFormat::OutOfBand2 => {
                let did = self.service.did().and_then(|did| Did::parse(did).ok());
                let corrupt = || StoreError::corrupt("dids.wire_did");
                out_of_band::Invitation::out_of_band_2(record_id(), &did.ok_or_else(corrupt)?)
            }
        })
    }
}

/// A row with nothing but an id and a time.
pub(crate) fn new_row(now: i64) -> ExchangeRow {
    ExchangeRow {
        id: record_id(),
        role: 0,
        state: 0,
        protocol: 0,
        invitation_id: String::new(),
        thread_id: None,
        my_did: None,
        their_did: None,
        their_label: String::new(),
        alias: String::new(),
        invitation_key: String::new(),
        invitation_did: String::new(),
        pending_for: None,
        auto_accept: false,
        multi_use: false,
        label: String::new(),
        did_method: 0,
        deadline_at: None,
        goal_code: String::new(),
        goal: String::new(),
        metadata: "{}".to_owned(),
        machine: String::new(),
        created_at: now,
        updated_at: now,
        version: 1,
        my_key: None,
    }
}

/// The agents of Identus write no profile, and ours may do without.
fn accept(request: &proto::CreateInvitationRequest, format: InvitationFormat) -> Vec<String> {
    if request.accept.is_empty() && format == InvitationFormat::OutOfBand1 {
        return create::V1_ACCEPT.iter().map(|profile| (*profile).to_owned()).collect();
    }
    request.accept.clone()
}
