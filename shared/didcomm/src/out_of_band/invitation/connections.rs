//! The invitation of connections/1.0 (RFC 0160).

use entente_did::{Did, PublicKey};
use serde_json::{Map, Value};

use super::fields::{self, take_text};
use super::{Invitation, NAME};
use crate::message::{Message, MessageType, Version, negotiate};
use crate::out_of_band::service::inline;
use crate::out_of_band::{HandshakeProtocol, InvitationError, InvitationFormat, InvitationService};

pub(super) const PROTOCOL: &str = "connections";
pub(super) const VERSION: Version = Version::new(1, 0);
/// Whom to answer, if not by a DID.
const INLINE: [&str; 3] = ["recipientKeys", "routingKeys", "serviceEndpoint"];

pub(super) fn read(message: Message) -> Result<Invitation, InvitationError> {
    let version = negotiate(message.message_type.version, VERSION, VERSION).map_err(|source| {
        InvitationError::Version { protocol: PROTOCOL, field: "@type", source }
    })?;
    let expires_time = message.expires_time();
    let Message { id, mut body, .. } = message;
    Ok(Invitation {
        format: InvitationFormat::Connections1,
        id,
        version,
        label: take_text(&mut body, "label")?.filter(|label| !label.is_empty()),
        goal: None,
        goal_code: None,
        accept: Vec::new(),
        handshake_protocols: vec![HandshakeProtocol::Connections10.to_string()],
        requests_attach: Vec::new(),
        services: vec![take_service(&mut body)?],
        image_url: take_text(&mut body, "imageUrl")?,
        created_time: None,
        expires_time,
        other: body,
    })
}

fn take_service(body: &mut Map<String, Value>) -> Result<InvitationService, InvitationError> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let members: Map<String, Value> = INLINE
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), body.remove(*name)?)))
        .filter(|(_, value)| !is_empty(value))
        .collect();
    let did = take_text(body, "did")?.filter(|did| !did.is_empty());
    match (did, members.is_empty()) {
        (None, true) => Err(InvitationError::NoInviter),
        (None, false) => Ok(InvitationService::Inline(inline(members)?)),
        // Old agents write a public DID without `did:` and method.
        (Some(did), true) => Ok(InvitationService::Did(Did::parse(&did)?.to_string())),
        (Some(_), false) => Err(InvitationError::TwoInviters),
    }
}

/// The keys are written in base58, and the label always, as the RFC says.
pub(super) fn write(invitation: &Invitation) -> Message {
    let kind = MessageType::new(PROTOCOL, invitation.version, NAME);
    let texts = [("imageUrl", &invitation.image_url)];
    let message = fields::write(invitation, Message::new(invitation.id.clone(), &kind), &texts);
    let message = message.with("label", invitation.label.clone().unwrap_or_default());
    let keys = |keys: &[PublicKey]| Value::from_iter(keys.iter().map(PublicKey::base58));
    match invitation.services.first() {
        None => message,
        Some(InvitationService::Did(did)) => message.with("did", did.clone()),
        Some(InvitationService::Inline(service)) => message
            .with("recipientKeys", keys(&service.recipient_keys))
            .with("routingKeys", keys(&service.routing_keys))
            .with("serviceEndpoint", service.endpoint.clone()),
    }
}
