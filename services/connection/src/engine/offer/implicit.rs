//! An implicit invitation: the DID of an agent, or the DID URL of one of its services (RFC 0023).

use entente_did::{Did, DidUrl, Document, V1Service};
use entente_didcomm::out_of_band::{HandshakeProtocol, Invitation, InvitationService};

use super::{Offer, invalid, offer};
use crate::engine::{Answer, Engine};

impl Engine {
    /// What an agent offers by its DID: any handshake, under the DID URL of the service that is used.
    pub(super) async fn read_did(&self, tenant: &str, text: &str) -> Answer<Offer> {
        let url = parse(text)?;
        let document = self.clients.resolve(tenant, &url.did).await?;
        let service = service(&document, &url.did, url.fragment.as_deref())?;
        let id = service_url(&service, &url.did);
        offer_of(&id.unwrap_or(url))
    }
}

/// An implicit invitation that was read before.
pub(super) fn stored(url: &str) -> Answer<Offer> {
    offer_of(&parse(url)?)
}

/// The fragment of the service that an implicit invitation means.
pub(super) fn fragment(offer: &Offer) -> Option<String> {
    DidUrl::parse(&offer.invitation.id).ok().filter(|_| offer.implicit)?.fragment
}

/// The DIDComm v1 service of a document with this fragment, or the preferred one.
pub(super) fn service(document: &Document, did: &Did, fragment: Option<&str>) -> Answer<V1Service> {
    let services = document.v1_services().map_err(|error| invalid(&error.to_string()))?;
    let wanted = |service: &V1Service| match fragment {
        None => true,
        Some(_) => service_url(service, did).is_some_and(|url| url.fragment.as_deref() == fragment),
    };
    services.into_iter().find(wanted).ok_or_else(|| match fragment {
        Some(fragment) => invalid(&format!("{did} has no DIDComm v1 service #{fragment}")),
        None => invalid(&format!("{did} has no DIDComm v1 service")),
    })
}

fn service_url(service: &V1Service, did: &Did) -> Option<DidUrl> {
    let url = DidUrl::parse_relative(&service.id, did).ok()?;
    // The DID in the form that the owner gave, which the agent knows.
    Some(DidUrl { did: did.clone(), ..url })
}

fn offer_of(url: &DidUrl) -> Answer<Offer> {
    let id = url.to_string();
    let mut invitation = Invitation::new(id.clone(), InvitationService::Did(url.did.to_string()));
    invitation.handshake_protocols =
        [HandshakeProtocol::DidExchange11, HandshakeProtocol::DidExchange10]
            .map(|protocol| protocol.to_string())
            .to_vec();
    let json = serde_json::Value::from(id).to_string();
    Ok(Offer { implicit: true, json, ..offer(invitation, i64::MIN)? })
}

fn parse(text: &str) -> Answer<DidUrl> {
    let url = DidUrl::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if url.path.is_empty() && url.query.is_none() {
        return Ok(url);
    }
    Err(invalid(
        "must be a DID, or the DID URL of a service, which has a fragment and nothing else",
    ))
}
