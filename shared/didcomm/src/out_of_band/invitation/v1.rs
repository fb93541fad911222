//! Out-of-band 1.x (RFC 0434).

use serde_json::{Map, Value};

use super::fields::{self, take_text, take_texts};
use super::{Invitation, NAME};
use crate::attachment::Attachment;
use crate::message::{Message, MessageError, MessageType, negotiate};
use crate::out_of_band::{
    CURRENT_VERSION, InvitationError, InvitationFormat, InvitationService, MINIMUM_VERSION,
    PROTOCOL, ServiceProblem,
};

/// The most services that are read.
const MAX_SERVICES: usize = 16;

pub(super) fn read(message: Message) -> Result<Invitation, InvitationError> {
    let version =
        negotiate(message.message_type.version, MINIMUM_VERSION, CURRENT_VERSION).map_err(
            |source| InvitationError::Version { protocol: PROTOCOL, field: "@type", source },
        )?;
    let requests_attach = message.attachments("requests~attach")?;
    let expires_time = message.expires_time();
    let Message { id, mut body, .. } = message;
    body.remove("requests~attach");
    let invitation = Invitation {
        format: InvitationFormat::OutOfBand1,
        id,
        version,
        label: take_text(&mut body, "label")?,
        goal: take_text(&mut body, "goal")?,
        goal_code: take_text(&mut body, "goal_code")?,
        accept: take_texts(&mut body, "accept")?,
        handshake_protocols: take_texts(&mut body, "handshake_protocols")?,
        requests_attach,
        services: take_services(&mut body)?,
        image_url: take_text(&mut body, "imageUrl")?,
        created_time: None,
        expires_time,
        other: body,
    };
    if invitation.handshake_protocols.is_empty() && invitation.requests_attach.is_empty() {
        return Err(InvitationError::NothingOffered);
    }
    Ok(invitation)
}

pub(super) fn write(invitation: &Invitation) -> Message {
    let kind = MessageType::new(PROTOCOL, invitation.version, NAME);
    let texts = [
        ("label", &invitation.label),
        ("goal", &invitation.goal),
        ("goal_code", &invitation.goal_code),
        ("imageUrl", &invitation.image_url),
    ];
    let mut message = fields::write(invitation, Message::new(invitation.id.clone(), &kind), &texts);
    for (field, list) in
        [("accept", &invitation.accept), ("handshake_protocols", &invitation.handshake_protocols)]
    {
        if !list.is_empty() {
            message = message.with(field, list.clone());
        }
    }
    if !invitation.requests_attach.is_empty() {
        let list: Vec<_> = invitation.requests_attach.iter().map(Attachment::to_value).collect();
        message = message.with("requests~attach", list);
    }
    let services: Vec<_> = invitation.services.iter().map(InvitationService::to_value).collect();
    message.with("services", services)
}

fn take_services(body: &mut Map<String, Value>) -> Result<Vec<InvitationService>, InvitationError> {
    let items = match body.remove("services") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(MessageError::wrong_type("services", "a list", &other).into());
        }
    };
    if items.is_empty() || items.len() > MAX_SERVICES {
        return Err(InvitationError::ServiceCount { limit: MAX_SERVICES, actual: items.len() });
    }
    let (mut services, mut problems) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match InvitationService::parse(item) {
            Ok(service) => services.push(service),
            Err(error) => problems.push(ServiceProblem { index, error }),
        }
    }
    if services.is_empty() {
        return Err(InvitationError::NoUsableService { problems });
    }
    Ok(services)
}
