use serde_json::{Map, Value};

use super::{
    CURRENT_VERSION, HandshakeProtocol, InvitationError, InvitationService, MINIMUM_VERSION,
    NoCommonProfile, PROTOCOL, Profile, ServiceProblem, select_profile,
};
use crate::attachment::Attachment;
use crate::base64url;
use crate::message::{Message, MessageError, MessageType, Version, negotiate};

/// The most services that are read.
const MAX_SERVICES: usize = 16;
const NAME: &str = "invitation";

/// An out-of-band invitation (RFC 0434).
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    /// `@id`: the parent thread of everything that answers it.
    pub id: String,
    /// The version to speak: the one it came in, or ours if that is lower.
    pub version: Version,
    /// `label`: what the inviter calls itself.
    pub label: Option<String>,
    /// `goal`, in words.
    pub goal: Option<String>,
    /// `goal_code`.
    pub goal_code: Option<String>,
    /// `accept`: envelope profiles, in the sender's order of preference.
    pub accept: Vec<String>,
    /// `handshake_protocols`, as written, in the sender's order of preference.
    pub handshake_protocols: Vec<String>,
    /// `requests~attach`.
    pub requests_attach: Vec<Attachment>,
    /// The services that can be used, in the sender's order of preference: at least one.
    pub services: Vec<InvitationService>,
    /// `imageUrl`.
    pub image_url: Option<String>,
    /// Other members.
    pub other: Map<String, Value>,
}

impl Invitation {
    /// An invitation by one service, in the current version. It still needs `handshake_protocols` or
    /// `requests_attach`.
    pub fn new(id: impl Into<String>, service: InvitationService) -> Self {
        Self {
            id: id.into(),
            version: CURRENT_VERSION,
            label: None,
            goal: None,
            goal_code: None,
            accept: Vec::new(),
            handshake_protocols: Vec::new(),
            requests_attach: Vec::new(),
            services: vec![service],
            image_url: None,
            other: Map::new(),
        }
    }

    /// Parses the JSON text of an invitation.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvitationError> {
        Self::from_message(Message::parse(bytes)?)
    }

    /// Reads an invitation that is JSON already.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn from_value(value: Value) -> Result<Self, InvitationError> {
        Self::from_message(Message::from_value(value)?)
    }

    /// Reads a message. Services that cannot be used are left out, unless all are.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn from_message(message: Message) -> Result<Self, InvitationError> {
        let kind = &message.message_type;
        if !kind.is(PROTOCOL, NAME) {
            let actual = kind.to_string().chars().take(120).collect();
            return Err(InvitationError::NotAnInvitation { actual });
        }
        let version = negotiate(kind.version, MINIMUM_VERSION, CURRENT_VERSION)?;
        let requests_attach = message.attachments("requests~attach")?;
        let Message { id, mut body, .. } = message;
        body.remove("requests~attach");
        let invitation = Self {
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
            other: body,
        };
        if invitation.handshake_protocols.is_empty() && invitation.requests_attach.is_empty() {
            return Err(InvitationError::NothingOffered);
        }
        Ok(invitation)
    }

    /// The handshakes offered that we know, in the sender's order of preference.
    pub fn known_protocols(&self) -> impl Iterator<Item = HandshakeProtocol> + '_ {
        self.handshake_protocols.iter().filter_map(|text| HandshakeProtocol::parse(text))
    }

    /// The profile for the answer, by `accept`.
    ///
    /// # Errors
    /// [`NoCommonProfile`].
    pub fn select_profile(&self) -> Result<Profile, NoCommonProfile> {
        select_profile(&self.accept)
    }

    /// The invitation as a message.
    pub fn to_message(&self) -> Message {
        let kind = MessageType::new(PROTOCOL, self.version, NAME);
        let mut message = Message::new(self.id.clone(), &kind);
        message.body.clone_from(&self.other);
        for (field, text) in [
            ("label", &self.label),
            ("goal", &self.goal),
            ("goal_code", &self.goal_code),
            ("imageUrl", &self.image_url),
        ] {
            if let Some(text) = text {
                message = message.with(field, text.clone());
            }
        }
        for (field, list) in
            [("accept", &self.accept), ("handshake_protocols", &self.handshake_protocols)]
        {
            if !list.is_empty() {
                message = message.with(field, list.clone());
            }
        }
        if !self.requests_attach.is_empty() {
            let list: Vec<_> = self.requests_attach.iter().map(Attachment::to_value).collect();
            message = message.with("requests~attach", list);
        }
        let services: Vec<_> = self.services.iter().map(InvitationService::to_value).collect();
        message.with("services", services)
    }

    /// The invitation as JSON.
    pub fn to_json(&self) -> Value {
        self.to_message().to_value()
    }

    /// The URL that carries the invitation: `base` with the parameter `oob`, unpadded base64url of the
    /// compact JSON. A query and a fragment of `base` stay.
    pub fn to_url(&self, base: &str) -> String {
        let (before, fragment) = match base.split_once('#') {
            Some((before, fragment)) => (before, format!("#{fragment}")),
            None => (base, String::new()),
        };
        let separator = match before.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        let oob = base64url::encode(self.to_message().to_vec());
        format!("{before}{separator}oob={oob}{fragment}")
    }
}

fn take_text(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, MessageError> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(MessageError::wrong_type(field, "a string", &other)),
    }
}

fn take_texts(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Vec<String>, MessageError> {
    const EXPECTED: &str = "a list of strings";
    match body.remove(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                other => Err(MessageError::wrong_type(field, EXPECTED, &other)),
            })
            .collect(),
        Some(other) => Err(MessageError::wrong_type(field, EXPECTED, &other)),
    }
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

#[cfg(test)]
mod tests;
