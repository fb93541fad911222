//! Out-of-band 2.0 (DIDComm v2, "Out Of Band Messages"), as Identus writes it.

use entente_did::Did;

use super::fields::{self, take_text, take_texts};
use super::{Invitation, NAME};
use crate::message::{Message, MessageError, MessageType, negotiate};
use crate::out_of_band::{
    HandshakeProtocol, InvitationError, InvitationFormat, InvitationService, PROTOCOL, V2_VERSION,
};

pub(super) fn read(message: Message) -> Result<Invitation, InvitationError> {
    let version = negotiate(message.message_type.version, V2_VERSION, V2_VERSION)
        .map_err(|source| InvitationError::Version { protocol: PROTOCOL, field: "type", source })?;
    let from = message.from_did().ok_or(MessageError::Missing { field: "from" })?;
    let services = vec![InvitationService::Did(from.to_string())];
    let expires_time = message.expires_time();
    let label = message.text("label")?.map(str::to_owned);
    let Message { id, mut body, v2, .. } = message;
    let headers = v2.unwrap_or_default();
    Ok(Invitation {
        format: InvitationFormat::OutOfBand2,
        id,
        version,
        label,
        goal: take_text(&mut body, "goal")?,
        goal_code: take_text(&mut body, "goal_code")?,
        accept: take_texts(&mut body, "accept")?,
        handshake_protocols: vec![HandshakeProtocol::Identus10.to_string()],
        requests_attach: headers.attachments,
        services,
        image_url: None,
        created_time: headers.created_time,
        expires_time,
        other: body,
    })
}

/// The label is ours alone: the format has no place for it. One that was read stands among the other
/// members.
pub(super) fn write(invitation: &Invitation) -> Message {
    let kind = MessageType::new(PROTOCOL, invitation.version, NAME);
    let texts = [("goal", &invitation.goal), ("goal_code", &invitation.goal_code)];
    let mut message =
        fields::write(invitation, Message::new_v2(invitation.id.clone(), &kind), &texts);
    if let Some(headers) = &mut message.v2 {
        let did = invitation.services.iter().find_map(InvitationService::did);
        headers.from = did.and_then(|did| Did::parse(did).ok());
        headers.created_time = invitation.created_time;
        headers.attachments.clone_from(&invitation.requests_attach);
    }
    // Identus' SDK refuses an invitation without it.
    message.with("accept", invitation.accept.clone())
}
