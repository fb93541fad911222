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
    /// `connections/1.0` (RFC 0160).
    Connections10,
    /// Identus' `connections/1.0`, over DIDComm v2.
    Identus10,
}

impl HandshakeProtocol {
    /// Reads `https://didcomm.org/didexchange/1.1`, with either prefix or none, the short labels of
    /// ACA-Py's admin API (`didexchange`, `rfc23`, `old`, …), and `identus`. A higher minor is read as our highest (RFC
    /// 0003). `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_label(text).or_else(|| {
            let protocol = Protocol::parse(text)
                .or_else(|_| Protocol::parse(&format!("{}{text}", Prefix::Current)))
                .ok()?;
            Self::from_protocol(&protocol)
        })
    }

    fn from_protocol(protocol: &Protocol) -> Option<Self> {
        let minor = |current| {
            let (minimum, current) = (Version::new(1, 0), Version::new(1, current));
            negotiate(protocol.version, minimum, current).ok().map(|version| version.minor)
        };
        match (&protocol.prefix, protocol.name.as_str()) {
            (Prefix::Current | Prefix::Legacy, "didexchange") => match minor(1)? {
                0 => Some(Self::DidExchange10),
                _ => Some(Self::DidExchange11),
            },
            (Prefix::Current | Prefix::Legacy, "connections") => {
                minor(0).map(|_| Self::Connections10)
            }
            (Prefix::Identus, "connections") => minor(0).map(|_| Self::Identus10),
            _ => None,
        }
    }

    fn from_label(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "didexchange" | "did-exchange" | "didx" | "didex" | "rfc23" | "rfc-23" | "23"
            | "new" => Some(Self::DidExchange10),
            "connection" | "connections" | "conn" | "conns" | "rfc160" | "160" | "old" => {
                Some(Self::Connections10)
            }
            "identus" | "mercury/connections/1.0" => Some(Self::Identus10),
            _ => None,
        }
    }

    /// The protocol's name and version.
    pub fn protocol(self) -> Protocol {
        let (prefix, name, minor) = match self {
            Self::DidExchange10 => (Prefix::Current, "didexchange", 0),
            Self::DidExchange11 => (Prefix::Current, "didexchange", 1),
            Self::Connections10 => (Prefix::Current, "connections", 0),
            Self::Identus10 => (Prefix::Identus, "connections", 0),
        };
        Protocol { prefix, name: name.to_owned(), version: Version::new(1, minor) }
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
    use super::HandshakeProtocol::{self, Connections10, DidExchange10, DidExchange11, Identus10};

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
            ("https://atalaprism.io/mercury/connections/1.0", Some(Identus10)),
            ("https://atalaprism.io/mercury/didexchange/1.0", None),
            ("https://atalaprism.io/connections/1.0", None),
            ("mercury/connections/1.0", Some(Identus10)),
            ("identus", Some(Identus10)),
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
        for protocol in [DidExchange10, DidExchange11, Connections10, Identus10] {
            assert_eq!(HandshakeProtocol::parse(&protocol.to_string()), Some(protocol));
        }
    }
}
