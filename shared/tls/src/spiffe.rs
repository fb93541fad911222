//! Names of workloads (SPIFFE ID, X.509-SVID).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The longest id, in bytes (SPIFFE ID §2.3).
const MAX_LENGTH: usize = 2048;
/// The longest trust domain, in bytes (SPIFFE ID §2.1).
const MAX_DOMAIN: usize = 255;

/// `spiffe://trust-domain/path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId(Arc<str>);

/// A text that is no SPIFFE id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no SPIFFE id; write spiffe://trust-domain/path, with a-z, 0-9, `.`, `-`, `_` in the trust domain, and letters, \
     digits, `.`, `-`, `_` in the segments of the path"
)]
pub struct SpiffeIdError;

/// What the certificate of a client says of who it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Identity {
    /// There is none.
    #[default]
    None,
    /// This.
    Spiffe(SpiffeId),
    /// Nothing that counts: what is wrong with it.
    Unusable(&'static str),
}

impl SpiffeId {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeIdError)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeIdError)?;
        let common = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
        let in_domain = |byte: u8| byte.is_ascii_lowercase() || common(byte);
        let segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || common(byte))
        };
        let right = text.len() <= MAX_LENGTH
            && (1..=MAX_DOMAIN).contains(&domain.len())
            && domain.bytes().all(in_domain)
            && path.split('/').all(segment);
        if right { Ok(Self(text.into())) } else { Err(SpiffeIdError) }
    }
}

impl Identity {
    /// Of a chain that was verified.
    #[must_use]
    pub fn of(chain: Option<&[CertificateDer<'_>]>) -> Self {
        let Some(leaf) = chain.and_then(<[_]>::first) else { return Self::None };
        match in_certificate(leaf) {
            Ok(id) => Self::Spiffe(id),
            Err(problem) => Self::Unusable(problem),
        }
    }
}

/// The id of a workload: the one URI among the alternative names (X.509-SVID §2).
pub(crate) fn in_certificate(certificate: &CertificateDer<'_>) -> Result<SpiffeId, &'static str> {
    const UNREADABLE: &str = "the client certificate cannot be read";
    let certificate = Certificate::from_der(certificate).map_err(|_| UNREADABLE)?;
    let names = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let (_, names) = names.map_err(|_| UNREADABLE)?.unwrap_or_default();
    let mut uris = names.0.iter().filter_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (None, _) => Err("the client certificate has no SPIFFE id: it has no URI among its names"),
        (Some(_), Some(_)) => Err("the client certificate has more than one URI among its names"),
        (Some(uri), None) => {
            uri.parse().map_err(|_| "the URI in the client certificate is no SPIFFE id")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strict() {
        for right in ["spiffe://example.org/gateway", "spiffe://a-b_c.1/ns/Default/sa/x.y"] {
            assert_eq!(right.parse::<SpiffeId>().unwrap().as_str(), right);
        }
        let long = format!("spiffe://a/{}", "x".repeat(MAX_LENGTH));
        let domain = format!("spiffe://{}/x", "a".repeat(256));
        for wrong in [
            "",
            "https://example.org/gateway",
            "SPIFFE://example.org/gateway",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///gateway",
            "spiffe://Example.org/gateway",
            "spiffe://example.org:443/gateway",
            "spiffe://user@example.org/gateway",
            "spiffe://example.org/gateway/",
            "spiffe://example.org//gateway",
            "spiffe://example.org/../gateway",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/a%20b",
            "spiffe://example.org/ä",
            &long,
            &domain,
        ] {
            assert!(wrong.parse::<SpiffeId>().is_err(), "{wrong}");
        }
    }
}
