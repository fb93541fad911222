//! An invitation of another agent, as it was read: what it offers, and where an answer goes.

mod implicit;
mod unreadable;

use entente_did::{Did, PublicKey};
use entente_didcomm::out_of_band::{
    Decoded, Invitation, InvitationFormat, InvitationService, parse_input,
};
use entente_protocol::{Envelope, Handshake, Misbehaved, Target, Terms, peer};
use entente_rpc::{ErrorReason, Failure};

use self::unreadable::{invalid, refused, unreadable};
use super::{Answer, Engine};

/// The longest text of an invitation, in bytes.
const MAX_INVITATION: usize = 256 * 1024;
/// How many services of an invitation are tried.
const MAX_SERVICES: usize = 8;

/// An invitation that this agent can answer.
pub(crate) struct Offer {
    pub invitation: Invitation,
    /// The message as JSON; of an implicit invitation its id as a JSON string.
    pub json: String,
    /// Whether there is no invitation, only the DID (RFC 0023). The DID URL of a service then stands for its id.
    pub implicit: bool,
    /// The first DID in its services.
    pub did: Option<Did>,
    /// The first handshake in the inviter's order that we speak.
    pub handshake: Option<Handshake>,
}

impl Offer {
    /// The DID in the form that is compared.
    pub fn canonical_did(&self) -> Option<String> {
        self.did.as_ref().map(|did| did.canonical().to_string())
    }

    /// Whether no message can tell a known inviter that its connection is reused: an implicit invitation has no id to name,
    /// and connections/1.0 no word for it.
    pub fn is_silent(&self) -> bool {
        self.implicit || self.invitation.format == InvitationFormat::Connections1
    }

    /// What stands for the inviter while an exchange is under way: its DID, or the invitation itself.
    pub fn inviter(&self) -> String {
        self.canonical_did().unwrap_or_else(|| format!("invitation:{}", self.invitation.id))
    }
}

impl Engine {
    /// Reads a URL, a short URL, JSON, or a DID.
    pub(crate) async fn read_offer(&self, tenant: &str, text: &str, now: i64) -> Answer<Offer> {
        if text.len() > MAX_INVITATION {
            let text = format!("the invitation is longer than {MAX_INVITATION} bytes");
            return Err(refused(ErrorReason::InvitationTooLarge, &text));
        }
        if text.trim_start().starts_with("did:") {
            return self.read_did(tenant, text.trim()).await;
        }
        let invitation = match decode(text)? {
            Decoded::Invitation(invitation) => *invitation,
            Decoded::ShortUrl(url) => {
                let fetched = self.clients.fetch_invitation(tenant, &url).await?;
                match decode(&fetched)? {
                    Decoded::Invitation(invitation) => *invitation,
                    _ => return Err(invalid("the short URL leads to another short URL")),
                }
            }
            _ => return Err(invalid("this kind of invitation is not supported")),
        };
        offer(invitation, now)
    }

    /// An invitation that was read before, from its stored JSON.
    pub(crate) fn stored_offer(&self, json: &str) -> Answer<Offer> {
        if let Ok(url) = serde_json::from_str::<String>(json) {
            return implicit::stored(&url);
        }
        match decode(json)? {
            Decoded::Invitation(invitation) => offer(*invitation, i64::MIN),
            _ => Err(invalid("the stored invitation cannot be read")),
        }
    }

    /// What a new exchange starts from: the first service that can be used.
    pub(crate) async fn terms(&self, tenant: &str, offer: &Offer) -> Answer<Terms> {
        let handshake = offer.handshake.ok_or_else(|| no_handshake(&offer.invitation))?;
        let mut problems = Vec::new();
        let fragment = implicit::fragment(offer);
        for service in offer.invitation.services.iter().take(MAX_SERVICES) {
            let located = match service {
                InvitationService::Inline(inline) => {
                    Ok((Target::from(inline), inline.recipient_keys.clone(), None))
                }
                InvitationService::Did(did) if handshake.envelope() == Envelope::V2 => {
                    self.locate_v2(tenant, did).await
                }
                InvitationService::Did(did) => {
                    self.locate(tenant, did, fragment.as_deref(), handshake).await
                }
            };
            match located {
                Ok((target, invitation_keys, invitation_did)) => {
                    let invitation_id = offer.invitation.id.clone();
                    return Ok(Terms {
                        handshake,
                        invitation_id,
                        invitation_keys,
                        invitation_did,
                        target: Some(target),
                    });
                }
                // The network may be better in a while: say so instead of "unsupported".
                Err(failure) if failure.code() == entente_rpc::Code::Unavailable => {
                    return Err(failure);
                }
                Err(failure) => problems.push(failure.message),
            }
        }
        Err(unsupported(format!(
            "no service of the invitation can be used: {}",
            problems.join("; ")
        )))
    }

    async fn locate(
        &self,
        tenant: &str,
        did: &str,
        fragment: Option<&str>,
        handshake: Handshake,
    ) -> Answer<(Target, Vec<PublicKey>, Option<Did>)> {
        let did = Did::parse(did).map_err(|error| invalid(&error.to_string()))?;
        let document = self.clients.resolve(tenant, &did).await?;
        let service = implicit::service(&document, &did, fragment)?;
        let keys = match handshake {
            // RFC 0160: the key of the service stands for the inviter.
            Handshake::Connections10 => service.recipient_keys.iter().take(1).copied().collect(),
            _ => document.ed25519_keys(),
        };
        let target = match fragment {
            Some(_) => service.into(),
            None => Target::of(Envelope::V1, &document).map_err(unusable)?,
        };
        Ok((target, keys, Some(did)))
    }

    async fn locate_v2(
        &self,
        tenant: &str,
        did: &str,
    ) -> Answer<(Target, Vec<PublicKey>, Option<Did>)> {
        let did = Did::parse(did).map_err(|error| invalid(&error.to_string()))?;
        let document = self.clients.resolve(tenant, &did).await?;
        let target = Target::of(Envelope::V2, &document).map_err(unusable)?;
        let keys = peer::keys_of(Envelope::V2, &document).map_err(unusable)?;
        if target.endpoint().is_empty() {
            return Err(invalid(&format!("{did} has no DIDComm v2 service")));
        }
        Ok((target, keys, Some(did)))
    }
}

fn offer(invitation: Invitation, now: i64) -> Answer<Offer> {
    if invitation.is_expired(now.div_euclid(1000)) {
        return Err(Failure::new(ErrorReason::InvitationExpired, "the invitation has expired"));
    }
    invitation.select_profile().map_err(|error| {
        unsupported(error.to_string()).with("offered", error.offered.join(", "))
    })?;
    let did = invitation.services.iter().find_map(InvitationService::did);
    let did = did.and_then(|did| Did::parse(did).ok());
    let handshake = invitation.known_protocols().find_map(Handshake::from_protocol);
    if handshake.is_none() && invitation.requests_attach.is_empty() {
        return Err(no_handshake(&invitation));
    }
    let json = invitation.to_json().to_string();
    Ok(Offer { did, handshake, json, implicit: false, invitation })
}

fn unsupported(text: String) -> Failure {
    Failure::new(ErrorReason::UnsupportedInvitation, text)
}

fn unusable(error: Misbehaved) -> Failure {
    invalid(&error.to_string())
}

fn no_handshake(invitation: &Invitation) -> Failure {
    let offered = invitation.handshake_protocols.join(", ");
    let spoken = Handshake::ALL.map(Handshake::name).join(", ");
    let text = format!(
        "the invitation offers no handshake that this agent speaks ({spoken}); it offers: {offered}"
    );
    unsupported(text).with("offered", offered)
}

fn decode(text: &str) -> Answer<Decoded> {
    parse_input(text).map_err(|error| unreadable(&error))
}
