use std::fmt;

use crate::message::{Prefix, Protocol, Version, negotiate};

/// A handshake that an invitation may offer, at the version that we would speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeProtocol {
    /// `didexchange/1.0` (RFC 0023).
    DidExchange10,
    /// `didexchange/1.1` (RFC 0023).
    DidExchange11,
    /// `connections/1.0` (RFC 0160): recognised, so that a refusal can name it.
    Connections10,
}

impl HandshakeProtocol {
    /// Reads `https://didcomm.org/didexchange/1.1`, with either prefix or none, and the short labels of
    /// ACA-Py's admin API (`didexchange`, `rfc23`, `old`, …). A higher minor is read as our highest (RFC
    /// 0003). `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_label(text).or_else(|| {
            let protocol = Protocol::parse(text)
                .or_else(|_| Protocol::parse(&format!("{}{text}", Prefix::Current)))
                .ok()?;
            match protocol.prefix {
                Prefix::Other(_) => None,
                _ => Self::from_protocol(&protocol.name, protocol.version),
            }
        })
    }

    fn from_protocol(name: &str, version: Version) -> Option<Self> {
        let (minimum, current) = match name {
            "didexchange" => (Version::new(1, 0), Version::new(1, 1)),
            "connections" => (Version::new(1, 0), Version::new(1, 0)),
            _ => return None,
        };
        match (name, negotiate(version, minimum, current).ok()?.minor) {
            ("didexchange", 0) => Some(Self::DidExchange10),
            ("didexchange", _) => Some(Self::DidExchange11),
            _ => Some(Self::Connections10),
        }
    }

    fn from_label(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "didexchange" | "did-exchange" | "didx" | "didex" | "rfc23" | "rfc-23" | "23"
            | "new" => Some(Self::DidExchange10),
            "connection" | "connections" | "conn" | "conns" | "rfc160" | "160" | "old" => {
                Some(Self::Connections10)
            }
            _ => None,
        }
    }

    /// The protocol's name and version.
    pub fn protocol(self) -> Protocol {
        let (name, minor) = match self {
            Self::DidExchange10 => ("didexchange", 0),
            Self::DidExchange11 => ("didexchange", 1),
            Self::Connections10 => ("connections", 0),
        };
        Protocol { prefix: Prefix::Current, name: name.to_owned(), version: Version::new(1, minor) }
    }
}

/// As in `handshake_protocols`: `https://didcomm.org/didexchange/1.1`.
impl fmt::Display for HandshakeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::HandshakeProtocol::{self, Connections10, DidExchange10, DidExchange11};

    #[test]
    fn reads_names_with_both_prefixes_and_labels() {
        for (text, expected) in [
            ("https://didcomm.org/didexchange/1.0", Some(DidExchange10)),
            ("https://didcomm.org/didexchange/1.1", Some(DidExchange11)),
            ("https://didcomm.org/didexchange/1.9", Some(DidExchange11)),
            ("did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/didexchange/1.0", Some(DidExchange10)),
            ("did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/connections/1.0", Some(Connections10)),
            ("didexchange/1.1", Some(DidExchange11)),
            ("connections/1.0", Some(Connections10)),
            ("RFC23", Some(DidExchange10)),
            ("old", Some(Connections10)),
            ("https://didcomm.org/didexchange/2.0", None),
            ("https://example.com/didexchange/1.0", None),
            ("https://didcomm.org/trust_ping/1.0", None),
            ("https://didcomm.org/didexchange/1.0/request", None),
            ("", None),
        ] {
            assert_eq!(HandshakeProtocol::parse(text), expected, "{text}");
        }
        for protocol in [DidExchange10, DidExchange11, Connections10] {
            assert_eq!(HandshakeProtocol::parse(&protocol.to_string()), Some(protocol));
        }
    }
}
