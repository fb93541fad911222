//! did:web: where the document is. Fetching it is the resolver's.

use crate::did::{Did, Method};
use crate::error::DidError;

/// The URL of the document of a did:web.
///
/// With `insecure_http` it is `http`, and the host may be an IP address: for tests, where an agent has
/// neither a name nor a certificate. The `id` of what is fetched must equal the DID.
///
/// # Errors
/// [`DidError::MethodNotSupported`] for another method; [`DidError::InvalidDid`] for a host or path
/// that the method does not allow.
pub fn url(did: &Did, insecure_http: bool) -> Result<String, DidError> {
    let id = match did.method() {
        Method::Web => did.as_str().trim_start_matches("did:web:"),
        method => return Err(DidError::MethodNotSupported { method: method.to_string() }),
    };
    let (authority, path) = match id.split_once(':') {
        Some((authority, path)) => (authority, Some(path)),
        None => (id, None),
    };
    let (host, port) = split_port(authority)?;
    check_host(host, insecure_http)?;
    let path = match path {
        None => "/.well-known".to_owned(),
        Some(path) => {
            let segments: Vec<&str> = path.split(':').collect();
            if segments.iter().any(|s| s.is_empty() || !is_segment(s)) {
                return Err(invalid("a segment of the path is empty, or . or .., or has a %2F"));
            }
            format!("/{}", segments.join("/"))
        }
    };
    let scheme = if insecure_http { "http" } else { "https" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}{path}/did.json"))
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), DidError> {
    let Some(at) = authority.find('%') else { return Ok((authority, None)) };
    let (host, encoded) = authority.split_at_checked(at).unwrap_or((authority, ""));
    encoded
        .strip_prefix("%3A")
        .or_else(|| encoded.strip_prefix("%3a"))
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .map(|port| (host, Some(port)))
        .ok_or(invalid("after the host only %3A and a port may come"))
}

fn check_host(host: &str, allow_ip: bool) -> Result<(), DidError> {
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(invalid("the host is not a domain name"));
    }
    // URL parsers read 127.1 and 0x7f.1 as addresses too: a numeric last label makes an address.
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.starts_with(|c: char| c.is_ascii_digit()) && !allow_ip {
        return Err(invalid("the host must be a domain name, not an IP address"));
    }
    Ok(())
}

fn is_segment(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let dots = lower.replace("%2e", ".");
    dots != "." && dots != ".." && !lower.contains("%2f") && !lower.contains("%5c")
}

fn invalid(reason: &'static str) -> DidError {
    DidError::InvalidDid { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(did: &str, insecure: bool) -> Result<String, DidError> {
        url(&Did::parse(did).unwrap(), insecure)
    }

    #[test]
    fn maps_as_the_method_says() {
        for (did, expected) in [
            ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
            (
                "did:web:w3c-ccg.github.io:user:alice",
                "https://w3c-ccg.github.io/user/alice/did.json",
            ),
            (
                "did:web:example.com%3A3000:user:alice",
                "https://example.com:3000/user/alice/did.json",
            ),
            ("did:web:example.com%3a3000", "https://example.com:3000/.well-known/did.json"),
            ("did:web:example.com:a%20b", "https://example.com/a%20b/did.json"),
        ] {
            assert_eq!(of(did, false).unwrap(), expected);
        }
        assert_eq!(
            of("did:web:127.0.0.1%3A8080", true).unwrap(),
            "http://127.0.0.1:8080/.well-known/did.json"
        );
    }

    #[test]
    fn refuses_addresses_and_tricks() {
        for did in [
            "did:web:127.0.0.1",
            "did:web:127.1",
            "did:web:0x7f.0x1",
            "did:web:2130706433",
            "did:web:example.com%2Fevil",
            "did:web:user%40example.com",
            "did:web:example.com%3A99999",
            "did:web:example.com%3A",
            "did:web:example.com%3A%2B80",
            "did:web:example.com:..:x",
            "did:web:example.com:%2e%2E",
            "did:web:example.com::x",
            "did:web:a..b",
            "did:web:-a.b",
            "did:web:example.com:a%2fb",
        ] {
            assert!(matches!(of(did, false), Err(DidError::InvalidDid { .. })), "{did}");
        }
        assert!(matches!(
            of("did:sov:EMmo7oSqQk1twmgLDRNjzC", false),
            Err(DidError::MethodNotSupported { .. })
        ));
    }
}
