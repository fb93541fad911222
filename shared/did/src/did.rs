//! DID syntax (DID Core §3.1), and which method a DID is of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base58;
use crate::error::DidError;
use crate::peer4;

/// The longest DID we take, in bytes. Long forms of did:peer:4 have one to three KiB.
pub const MAX_DID_LEN: usize = 16 * 1024;
/// The longest of any other DID, in bytes: they are looked up by, and no index takes much longer keys.
pub const MAX_SHORT_DID_LEN: usize = 2048;

/// The method of a DID; of did:peer, also the variant (`numalgo`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// did:key
    Key,
    /// did:peer:0, one key
    Peer0,
    /// did:peer:2, keys and services inline
    Peer2,
    /// did:peer:4, long or short form
    Peer4,
    /// did:web
    Web,
    /// No method: base58 of 16 bytes, as Indy and didexchange/1.0 use it.
    Unqualified,
    /// Any other method, by name; `peer` for the other variants of did:peer.
    Other(String),
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Peer0 | Self::Peer2 | Self::Peer4 => "peer",
            Self::Web => "web",
            Self::Unqualified => "(unqualified)",
            Self::Other(name) => name,
        })
    }
}

/// A well-formed DID, without path, query or fragment. Of a did:peer:4 in long form the hash is right,
/// so that its [`Did::canonical`] form cannot be that of another's document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did(String);

impl Did {
    /// Parses a DID, or an unqualified one.
    ///
    /// # Errors
    /// [`DidError::InvalidDid`], [`DidError::TooLarge`], [`DidError::HashMismatch`].
    pub fn parse(text: &str) -> Result<Self, DidError> {
        let limit = if text.starts_with("did:peer:4") { MAX_DID_LEN } else { MAX_SHORT_DID_LEN };
        if text.len() > limit {
            let actual = text.len();
            return Err(DidError::TooLarge { what: "the DID, in bytes,", limit, actual });
        }
        let Some(rest) = text.strip_prefix("did:") else {
            return if is_nym(text) {
                Ok(Self(text.to_owned()))
            } else {
                Err(invalid("it starts neither with did: nor is it base58 of 16 bytes"))
            };
        };
        let (method, id) = rest.split_once(':').ok_or(invalid("the method has no identifier"))?;
        if method.is_empty()
            || !method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        {
            return Err(invalid("the method must be of a-z and 0-9"));
        }
        if id.is_empty() || id.ends_with(':') {
            return Err(invalid(
                "the method-specific identifier must not be empty or end with ':'",
            ));
        }
        // Old did:peer:2 have base64 with padding in them.
        let padding = text.starts_with("did:peer:2");
        if !is_id(id.as_bytes(), padding) {
            return Err(invalid("only A-Z a-z 0-9 . - _ : and %XX may be in a DID"));
        }
        if text.starts_with("did:peer:4") {
            peer4::check(text)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// For what was put together from valid parts.
    pub(crate) fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// The DID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The method.
    pub fn method(&self) -> Method {
        let Some(rest) = self.0.strip_prefix("did:") else { return Method::Unqualified };
        match rest.split_once(':').unwrap_or((rest, "")) {
            ("key", _) => Method::Key,
            ("web", _) => Method::Web,
            ("peer", id) => match id.as_bytes() {
                [b'0', b'z', ..] => Method::Peer0,
                [b'2', b'.', ..] => Method::Peer2,
                [b'4', b'z', ..] => Method::Peer4,
                _ => Method::Other("peer".to_owned()),
            },
            (name, _) => Method::Other(name.to_owned()),
        }
    }

    /// The form to index and compare by: the short form of a did:peer:4, else the DID itself.
    #[must_use]
    pub fn canonical(&self) -> Self {
        peer4::short_form(self).unwrap_or_else(|| self.clone())
    }

    /// Whether it is a legacy DID without `did:` and method.
    pub fn is_unqualified(&self) -> bool {
        !self.0.starts_with("did:")
    }
}

/// Sixteen bytes in base58 are 16 to 22 characters.
fn is_nym(text: &str) -> bool {
    (16..=22).contains(&text.len()) && base58::decode(text).is_some_and(|b| b.len() == 16)
}

fn is_id(id: &[u8], padding: bool) -> bool {
    let mut rest = id;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', a, b, tail @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            [b'.' | b'-' | b'_' | b':', tail @ ..] => tail,
            [b'=', tail @ ..] if padding => tail,
            [c, tail @ ..] if c.is_ascii_alphanumeric() => tail,
            _ => return false,
        }
    }
}

fn invalid(reason: &'static str) -> DidError {
    DidError::InvalidDid { reason }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        Self::parse(text)
    }
}

impl AsRef<str> for Did {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Did {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Did {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_methods() {
        for (text, method) in [
            ("did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th", Method::Key),
            ("did:peer:0z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th", Method::Peer0),
            ("did:peer:2.Vz6Mk", Method::Peer2),
            ("did:peer:4zQmSyci7zeQPYqJW6EJ9nPNdgrcYhxXNuaDsB3KNshkEPuJ", Method::Peer4),
            (
                "did:peer:1zQmZMygzYqNwU6Uhmewx5Xepf2VLp5S4HLSwwgf2aiKZuwa",
                Method::Other("peer".into()),
            ),
            ("did:web:example.com%3A3000:user:alice", Method::Web),
            ("did:sov:EMmo7oSqQk1twmgLDRNjzC", Method::Other("sov".into())),
            ("EMmo7oSqQk1twmgLDRNjzC", Method::Unqualified),
        ] {
            let did: Did = text.parse().unwrap();
            assert_eq!(did.method(), method, "{text}");
            assert_eq!(did.canonical(), did);
            assert_eq!(did.is_unqualified(), method == Method::Unqualified);
            let json = serde_json::to_string(&did).unwrap();
            assert_eq!(serde_json::from_str::<Did>(&json).unwrap(), did);
        }
    }

    #[test]
    fn refuses_what_is_no_did() {
        for text in [
            "",
            "did",
            "did:",
            "did:key",
            "did:key:",
            "did::x",
            "did:Key:x",
            "did:web:a:",
            "did:web:a/b",
            "did:web:a?b",
            "did:web:a#b",
            "did:web:a b",
            "did:web:a%3",
            "did:web:a%zz",
            "did:web:ä",
            "did:web:a=",
            "DID:web:a",
            "EMmo7oSqQk1twmgLDRNjz0",
            "EMmo7",
            "did:peer:4",
            "did:peer:4zQm",
            "did:sov:x;indy",
        ] {
            assert!(matches!(Did::parse(text), Err(DidError::InvalidDid { .. })), "{text:?}");
        }
        let long = format!("did:web:{}", "a".repeat(MAX_SHORT_DID_LEN));
        assert!(matches!(Did::parse(&long), Err(DidError::TooLarge { .. })));
        assert!(Did::parse(&long[..MAX_SHORT_DID_LEN]).is_ok());
    }
}
