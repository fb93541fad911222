mod connections;
mod fields;
mod v1;
mod v2;

use entente_did::Did;
use serde_json::{Map, Value};

use super::{
    CURRENT_VERSION, HandshakeProtocol, InvitationError, InvitationFormat, InvitationService,
    NoCommonProfile, PROTOCOL, Profile, V2_VERSION, select_profile, url,
};
use crate::attachment::Attachment;
use crate::message::{Message, Version};

const NAME: &str = "invitation";

/// An invitation of any format. What its format has no place for is empty, and is not written.
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    /// How it is written.
    pub format: InvitationFormat,
    /// `@id`, `id`: the parent thread of everything that answers it.
    pub id: String,
    /// The version of its protocol to speak: the one it came in, or ours if that is lower.
    pub version: Version,
    /// `label`: what the inviter calls itself. Read, but not written, in out-of-band 2.0.
    pub label: Option<String>,
    /// `goal`, in words; not in connections/1.0.
    pub goal: Option<String>,
    /// `goal_code`; not in connections/1.0.
    pub goal_code: Option<String>,
    /// `accept`: envelope profiles, in the sender's order of preference; not in connections/1.0.
    pub accept: Vec<String>,
    /// `handshake_protocols`, as written, in the sender's order of preference. Where the format implies
    /// the handshake it stands here all the same: that of Identus, or connections/1.0.
    pub handshake_protocols: Vec<String>,
    /// `requests~attach`; `attachments` in out-of-band 2.0; not in connections/1.0.
    pub requests_attach: Vec<Attachment>,
    /// The services that can be used, in the sender's order of preference: at least one. In out-of-band
    /// 2.0 `from`, in connections/1.0 `did`, or `recipientKeys` and what belongs to them.
    pub services: Vec<InvitationService>,
    /// `imageUrl`; not in out-of-band 2.0.
    pub image_url: Option<String>,
    /// `created_time`, in Unix seconds; only in out-of-band 2.0.
    pub created_time: Option<i64>,
    /// `~timing.expires_time`, `expires_time`: when it expires, in Unix seconds.
    pub expires_time: Option<i64>,
    /// Other members; in out-of-band 2.0 those of `body`.
    pub other: Map<String, Value>,
}

impl Invitation {
    /// An out-of-band 1.x invitation by one service, in the current version. It still needs
    /// `handshake_protocols` or `requests_attach`.
    pub fn new(id: impl Into<String>, service: InvitationService) -> Self {
        Self {
            format: InvitationFormat::OutOfBand1,
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
            created_time: None,
            expires_time: None,
            other: Map::new(),
        }
    }

    /// An out-of-band 2.0 invitation by a DID. Identus wants a UUID as the id.
    pub fn out_of_band_2(id: impl Into<String>, from: &Did) -> Self {
        Self {
            format: InvitationFormat::OutOfBand2,
            version: V2_VERSION,
            handshake_protocols: vec![HandshakeProtocol::Identus10.to_string()],
            ..Self::new(id, InvitationService::Did(from.to_string()))
        }
    }

    /// An invitation of connections/1.0, by keys or by a DID.
    pub fn connections_1(id: impl Into<String>, service: InvitationService) -> Self {
        Self {
            format: InvitationFormat::Connections1,
            version: connections::VERSION,
            handshake_protocols: vec![HandshakeProtocol::Connections10.to_string()],
            ..Self::new(id, service)
        }
    }

    /// Parses the JSON text of an invitation of any format.
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
        match (message.is_v2(), message.is(PROTOCOL, NAME)) {
            (false, true) => v1::read(message),
            (true, true) => v2::read(message),
            (false, false) if message.is(connections::PROTOCOL, NAME) => connections::read(message),
            _ => Err(InvitationError::NotAnInvitation {
                actual: message.message_type.to_string().chars().take(120).collect(),
            }),
        }
    }

    /// The handshakes offered that we know and that go with the format, in the sender's order of
    /// preference.
    pub fn known_protocols(&self) -> impl Iterator<Item = HandshakeProtocol> + '_ {
        let v2 = self.format == InvitationFormat::OutOfBand2;
        self.handshake_protocols
            .iter()
            .filter_map(|text| HandshakeProtocol::parse(text))
            .filter(move |protocol| (*protocol == HandshakeProtocol::Identus10) == v2)
    }

    /// The profile for the answer, by `accept`: one of DIDComm v1 or v2, as the format has it. An
    /// out-of-band 1.x invitation that accepts only DIDComm v2 cannot be answered, for its handshakes
    /// are messages of v1.
    ///
    /// # Errors
    /// [`NoCommonProfile`].
    pub fn select_profile(&self) -> Result<Profile, NoCommonProfile> {
        select_profile(&self.accept, self.format.profiles())
    }

    /// Whether the invitation says that it has expired, given the time in Unix seconds.
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_time.is_some_and(|end| end <= now)
    }

    /// The invitation as a message.
    pub fn to_message(&self) -> Message {
        match self.format {
            InvitationFormat::OutOfBand1 => v1::write(self),
            InvitationFormat::OutOfBand2 => v2::write(self),
            InvitationFormat::Connections1 => connections::write(self),
        }
    }

    /// The invitation as JSON, as it stands in its URL.
    pub fn to_json(&self) -> Value {
        let mut json = self.to_message().to_value();
        if let (InvitationFormat::OutOfBand2, Some(map)) = (self.format, json.as_object_mut()) {
            // Identus writes none, and the URL is long enough.
            map.remove("typ");
        }
        json
    }

    /// The URL that carries the invitation: `base` with the parameter `oob`, `_oob` or `c_i`, base64url
    /// of the compact JSON. A query and a fragment of `base` stay.
    pub fn to_url(&self, base: &str) -> String {
        url::with_invitation(base, self.format, &self.to_json().to_string())
    }
}

#[cfg(test)]
mod tests;
