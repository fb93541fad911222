//! Requests of did-exchange that the owner hands over, without the envelope that would prove their sender.

use entente_did::PublicKey;
use entente_didcomm::message::Message;
use entente_protocol::handshake::{Handshake, Part, Request, VerifiedRequest};
use entente_protocol::usage::Unusable;
use entente_protocol::{Misbehaved, Role, problem};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;

use super::handshake::{Stop, Wishes, implicit};
use super::{Fate, Inbound};
use crate::engine::{Answer, Engine, check_alias};
use crate::store::Named;

/// The longest request, in bytes.
const MAX_REQUEST: usize = 256 * 1024;

impl Engine {
    /// Takes a request, or gives the exchange that it began before.
    pub async fn submit_request(
        &self,
        tenant: &str,
        submitted: proto::SubmitRequestRequest,
    ) -> Answer<proto::Exchange> {
        let wishes = Wishes { alias: submitted.alias, auto_accept: submitted.auto_accept };
        check_alias(wishes.alias.as_deref().unwrap_or_default())?;
        let (message, request, did) = read(&submitted.request_json)?;
        let document = self.requester(tenant, &request).await.map_err(failure)?;
        let claimed = request.clone().claim(&document).map_err(|error| failure(error.into()))?;
        if let Some(id) = self.begun_before(tenant, &message, &claimed).await? {
            return self.get_exchange(tenant, &id).await;
        }
        let invitation = self.store.invitation_named(tenant, &Named::Did(did)).await?;
        let unknown = || failure(Misbehaved::Invitation(Unusable::Unknown).into());
        let key = PublicKey::from_multibase(&invitation.ok_or_else(unknown)?.key)
            .map_err(|_| StoreError::corrupt("invitations.key"))?;
        let inbound = Inbound {
            tenant: tenant.to_owned(),
            message,
            // The key that an envelope would have been for.
            recipient: key,
            sender: None,
            owner: None,
            known: false,
            route: None,
        };
        let id = match self.take_request(&inbound, &request, &claimed, &wishes).await {
            Ok(Fate::Handled(id)) => id,
            Ok(_) => {
                return Err(Failure::new(ErrorReason::Internal, "the request was not handled"));
            }
            Err(stop) => {
                // The same request was taken at the same time, by hand or in its envelope.
                self.store.settled(tenant).await?;
                let begun = self.begun_before(tenant, &inbound.message, &claimed).await?;
                begun.ok_or_else(|| failure(stop))?
            }
        };
        self.get_exchange(tenant, &id).await
    }

    /// The exchange that a request began, if it had its effect.
    async fn begun_before(
        &self,
        tenant: &str,
        message: &Message,
        claimed: &VerifiedRequest,
    ) -> Answer<Option<String>> {
        let mut known = false;
        for key in claimed.peer.keys.iter().map(PublicKey::multibase) {
            known |= self.store.place(tenant, "", &key, &message.id).await?.1;
        }
        if !known {
            return Ok(None);
        }
        for row in self.store.exchanges_of_thread(tenant, &claimed.thread_id).await? {
            let machine = row.machine()?;
            let peer = machine.peer().map(|peer| peer.did.canonical());
            if machine.role() == Role::Inviter && peer == Some(claimed.peer.did.canonical()) {
                return Ok(Some(row.id));
            }
        }
        let text = "request_json: it had its effect before, and its exchange is gone";
        Err(Failure::new(ErrorReason::AlreadyExists, text).with("id", &*message.id))
    }
}

/// Reads a request for a DID of ours: itself, and the DID.
fn read(json: &str) -> Answer<(Message, Request, String)> {
    let wrong = |problem: String| Failure::field("request_json", problem);
    if json.len() > MAX_REQUEST {
        return Err(wrong(format!("is longer than {MAX_REQUEST} bytes")));
    }
    let message = Message::parse(json.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let did_exchange = [Handshake::DidExchange10, Handshake::DidExchange11];
    let request = match Part::of(&message) {
        Some(Part::Request) => Request::read(&message).map_err(|error| wrong(error.to_string()))?,
        _ => return Err(wrong(format!("is a {}, not a request", message.message_type))),
    };
    if !did_exchange.contains(&request.handshake) {
        return Err(wrong("is not of didexchange: the envelope alone proves another".to_owned()));
    }
    if request.thread_id != message.id {
        return Err(wrong(
            "its ~thread.thid is not its @id, though it begins the thread".to_owned(),
        ));
    }
    let did = implicit(&request).ok_or_else(|| {
        wrong(
            "its ~thread.pthid is no DID: a request for an invitation comes in its envelope"
                .to_owned(),
        )
    })?;
    Ok((message, request, did))
}

/// Why a request was not taken, to the owner.
fn failure(stop: Stop) -> Failure {
    let misbehaved = match stop {
        Stop::Failed(failure) => return failure,
        Stop::Refused(misbehaved) => misbehaved,
    };
    let reason = match &misbehaved {
        Misbehaved::Invitation(Unusable::Unknown) => ErrorReason::NotFound,
        Misbehaved::Invitation(Unusable::NoHandshake) => ErrorReason::UnsupportedInvitation,
        Misbehaved::Invitation(Unusable::Used) => ErrorReason::InvitationUsed,
        Misbehaved::Invitation(Unusable::Expired) => ErrorReason::InvitationExpired,
        Misbehaved::Invitation(Unusable::Revoked) => ErrorReason::InvitationRevoked,
        _ => ErrorReason::PeerMisbehaved,
    };
    let code = problem::handshake_code(&misbehaved, true);
    let text = match reason {
        ErrorReason::NotFound => {
            "no open invitation has the DID of ~thread.pthid and is implicit".to_owned()
        }
        _ => misbehaved.to_string(),
    };
    Failure::new(reason, text).with("problem", code)
}
