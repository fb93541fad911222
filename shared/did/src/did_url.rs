//! DID URLs (DID Core §3.2).

use std::fmt;
use std::str::FromStr;

use crate::did::Did;
use crate::error::DidError;

/// The longest path, query and fragment together, in bytes.
const MAX_TAIL: usize = 4096;

/// A DID with an optional path, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DidUrl {
    /// The DID.
    pub did: Did,
    /// The path with its leading `/`, or empty.
    pub path: String,
    /// The query without the `?`.
    pub query: Option<String>,
    /// The fragment without the `#`.
    pub fragment: Option<String>,
}

impl DidUrl {
    /// Parses an absolute DID URL.
    ///
    /// # Errors
    /// [`DidError::InvalidDidUrl`], or what is wrong with its DID ([`Did::parse`]).
    pub fn parse(text: &str) -> Result<Self, DidError> {
        let end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let (did, tail) = text.split_at_checked(end).unwrap_or((text, ""));
        Self::with_tail(Did::parse(did)?, tail)
    }

    /// Parses an absolute DID URL, or one relative to `base`, such as `#key-1` or `?service=files`.
    ///
    /// # Errors
    /// As [`DidUrl::parse`].
    pub fn parse_relative(text: &str, base: &Did) -> Result<Self, DidError> {
        if text.starts_with(['/', '?', '#']) {
            Self::with_tail(base.clone(), text)
        } else {
            Self::parse(text)
        }
    }

    fn with_tail(did: Did, tail: &str) -> Result<Self, DidError> {
        if tail.len() > MAX_TAIL {
            let (limit, actual) = (MAX_TAIL, tail.len());
            return Err(DidError::TooLarge { what: "the DID URL, in bytes,", limit, actual });
        }
        if !tail.bytes().all(is_url_char) {
            return Err(DidError::InvalidDidUrl { reason: "it has characters no URL may have" });
        }
        let (tail, fragment) = split(tail, '#');
        let (path, query) = split(tail, '?');
        if fragment.as_ref().is_some_and(|f| f.contains('#')) {
            return Err(DidError::InvalidDidUrl { reason: "it has more than one '#'" });
        }
        Ok(Self { did, path: path.to_owned(), query, fragment })
    }
}

fn split(text: &str, separator: char) -> (&str, Option<String>) {
    match text.split_once(separator) {
        Some((head, tail)) => (head, Some(tail.to_owned())),
        None => (text, None),
    }
}

fn is_url_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte)
}

impl fmt::Display for DidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.did, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

impl FromStr for DidUrl {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_apart_and_puts_together() {
        let url = DidUrl::parse("did:web:example.com/a/b?service=x&y=?#key-1").unwrap();
        assert_eq!(url.did.as_str(), "did:web:example.com");
        assert_eq!(url.path, "/a/b");
        assert_eq!(url.query.as_deref(), Some("service=x&y=?"));
        assert_eq!(url.fragment.as_deref(), Some("key-1"));
        assert_eq!(url.to_string(), "did:web:example.com/a/b?service=x&y=?#key-1");
        for text in ["did:web:example.com", "EMmo7oSqQk1twmgLDRNjzC#1", "did:web:a?", "did:web:a#"]
        {
            assert_eq!(DidUrl::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn resolves_relative_references() {
        let base = Did::parse("did:web:example.com").unwrap();
        for (text, absolute) in [
            ("#1", "did:web:example.com#1"),
            ("?a=b#1", "did:web:example.com?a=b#1"),
            ("/x", "did:web:example.com/x"),
            ("did:web:b#1", "did:web:b#1"),
        ] {
            assert_eq!(DidUrl::parse_relative(text, &base).unwrap().to_string(), absolute);
        }
    }

    #[test]
    fn refuses_what_is_no_did_url() {
        for text in ["", "#1", "key-1", "did:web:a#b#c", "did:web:a#b c", "did:web:a#ä"] {
            assert!(DidUrl::parse(text).is_err(), "{text}");
        }
        assert!(DidUrl::parse(&format!("did:web:a#{}", "x".repeat(5000))).is_err());
    }
}
