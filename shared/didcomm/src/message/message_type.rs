use std::fmt;

use super::MessageError;

const CURRENT: &str = "https://didcomm.org";
const LEGACY: &str = "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec";
const IDENTUS: &str = "https://atalaprism.io/mercury";
/// What may stand between the document and the protocol (RFC 0003).
const DELIMITERS: [char; 6] = ['?', '/', '&', ':', ';', '='];
/// Longer is no message type.
const MAX_BYTES: usize = 1024;
const EXPECTED: &str = "<document><delimiter><protocol>/<major>.<minor>/<message>, such as https://didcomm.org/trust_ping/1.0/ping";
const EXPECTED_PROTOCOL: &str =
    "<document><delimiter><protocol>/<major>.<minor>, such as https://didcomm.org/didexchange/1.1";

/// The document that a message type or protocol is named in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Prefix {
    /// `https://didcomm.org/`: what we send.
    #[default]
    Current,
    /// `did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/`: accepted, and used only to answer it (RFC 0348).
    Legacy,
    /// `https://atalaprism.io/mercury/`: the protocols of Identus.
    Identus,
    /// Another, with its delimiter: a protocol that is not ours.
    Other(String),
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => write!(f, "{CURRENT}/"),
            Self::Legacy => write!(f, "{LEGACY}/"),
            Self::Identus => write!(f, "{IDENTUS}/"),
            Self::Other(prefix) => f.write_str(prefix),
        }
    }
}

/// The version of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Other majors are incompatible.
    pub major: u16,
    /// Other minors are compatible, except under major 0.
    pub minor: u16,
}

impl Version {
    /// A version.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The version received is not one that we speak: the answer is `version-not-supported`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("version {received} is not supported, {minimum} to {current} are")]
pub struct Unsupported {
    /// What the peer sent.
    pub received: Version,
    /// The lowest that we speak.
    pub minimum: Version,
    /// The highest that we speak.
    pub current: Version,
}

/// The version to answer in (RFC 0003, "Semver rules"): the one received, or our own current one if the
/// peer's minor is higher.
///
/// # Errors
/// [`Unsupported`]: another major, a minor below our minimum, or, under major 0, one above our current.
pub fn negotiate(
    received: Version,
    minimum: Version,
    current: Version,
) -> Result<Version, Unsupported> {
    let too_new = received.major == 0 && received > current;
    if received.major != current.major || received < minimum || too_new {
        return Err(Unsupported { received, minimum, current });
    }
    Ok(received.min(current))
}

/// A protocol and its version, without a message: the "PIURI" of RFC 0003.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// The document it is named in.
    pub prefix: Prefix,
    /// Its name, such as `didexchange`.
    pub name: String,
    /// Its version.
    pub version: Version,
}

impl Protocol {
    /// Parses `https://didcomm.org/didexchange/1.1`, with any prefix and any legal delimiter.
    ///
    /// # Errors
    /// [`MessageError::Value`].
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        Self::split(text).ok_or_else(|| MessageError::value("protocol", EXPECTED_PROTOCOL, text))
    }

    fn split(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (head, version) = text.rsplit_once('/')?;
        let name_at = head.rfind(|c| !is_name_char(c)).map_or(0, |at| at + 1);
        let (prefix, name) = (head.get(..name_at)?, head.get(name_at..)?);
        if name.is_empty() {
            return None;
        }
        let document = prefix.strip_suffix(DELIMITERS)?;
        let prefix = match document {
            CURRENT => Prefix::Current,
            LEGACY => Prefix::Legacy,
            IDENTUS => Prefix::Identus,
            "" => return None,
            _ => Prefix::Other(prefix.to_owned()),
        };
        Some(Self { prefix, name: name.to_owned(), version: Version::parse(version)? })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", self.prefix, self.name, self.version)
    }
}

/// A message type (the "MTURI" of RFC 0003). Writes as `https://didcomm.org/trust_ping/1.0/ping`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageType {
    /// The document it is named in.
    pub prefix: Prefix,
    /// The protocol, such as `trust_ping`.
    pub protocol: String,
    /// The protocol's version.
    pub version: Version,
    /// The message, such as `ping`.
    pub name: String,
}

impl MessageType {
    /// A type with the current prefix.
    pub fn new(protocol: impl Into<String>, version: Version, name: impl Into<String>) -> Self {
        Self { prefix: Prefix::Current, protocol: protocol.into(), version, name: name.into() }
    }

    /// Parses `@type`, with any prefix and any legal delimiter.
    ///
    /// # Errors
    /// [`MessageError::Value`] for `@type`.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        Self::parse_field("@type", text)
    }

    /// Parses the type that stands in a field, which an error names.
    pub(super) fn parse_field(field: &'static str, text: &str) -> Result<Self, MessageError> {
        text.rsplit_once('/')
            .filter(|(_, name)| !name.is_empty() && name.chars().all(is_name_char))
            .and_then(|(protocol, name)| Some((Protocol::split(protocol)?, name)))
            .map(|(protocol, name)| Self {
                prefix: protocol.prefix,
                protocol: protocol.name,
                version: protocol.version,
                name: name.to_owned(),
            })
            .ok_or_else(|| MessageError::value(field, EXPECTED, text))
    }

    /// Whether this is a message of a protocol that didcomm.org names, in any version. Names compare byte
    /// by byte, as RFC 0003 says; [`super::Message::is`] knows the rule of DIDComm v2, too.
    pub fn is(&self, protocol: &str, name: &str) -> bool {
        self.is_didcomm_org() && self.protocol == protocol && self.name == name
    }

    /// Whether this is a message of Identus' protocol of this name, in any version.
    pub fn is_identus(&self, protocol: &str, name: &str) -> bool {
        self.prefix == Prefix::Identus && self.protocol == protocol && self.name == name
    }

    /// As [`MessageType::is`], without regard to case and punctuation (DIDComm v2, "Semver Rules").
    pub(super) fn resembles(&self, protocol: &str, name: &str) -> bool {
        self.is_didcomm_org() && alike(&self.protocol, protocol) && alike(&self.name, name)
    }

    fn is_didcomm_org(&self) -> bool {
        matches!(self.prefix, Prefix::Current | Prefix::Legacy)
    }

    /// Another message of the same protocol, in the given version, with the same prefix: an answer to a
    /// legacy type is a legacy type.
    pub fn answer(&self, version: Version, name: impl Into<String>) -> Self {
        Self { version, name: name.into(), ..self.clone() }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}/{}", self.prefix, self.protocol, self.version, self.name)
    }
}

fn alike(one: &str, other: &str) -> bool {
    let letters = |text: &'_ str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    one == other || letters(one) == letters(other)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}
