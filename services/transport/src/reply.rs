//! A packed message in the body of an answer (return-route, RFC 0092).

use std::time::Duration;

use entente_net::read_body;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::timeout;

/// The largest reply taken, in bytes.
const MAX_REPLY: usize = 1 << 20;
/// Media types of envelopes, without `application/` (RFC 0044).
const ENVELOPES: [&str; 4] =
    ["didcomm-envelope-enc", "ssi-agent-wire", "didcomm-encrypted+json", "jwe"];

/// The packed message in an answer; empty if there is none, or if it is too large or late.
pub(crate) async fn read(response: Response, within: Duration) -> Vec<u8> {
    if response.content_length() == Some(0) {
        return Vec::new();
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let typed = content_type.is_some_and(is_envelope_type);
    match timeout(within, read_body(response, MAX_REPLY)).await {
        Ok(Ok(body)) if !body.is_empty() && (typed || has_protected(&body)) => body,
        _ => Vec::new(),
    }
}

fn is_envelope_type(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ENVELOPES.contains(&media_type.strip_prefix("application/").unwrap_or(&media_type))
}

/// Peers also send envelopes as plain JSON.
fn has_protected(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(rename = "protected")]
        _protected: IgnoredAny,
    }
    serde_json::from_slice::<Outer>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_told_by_type_or_content() {
        assert!(is_envelope_type("application/didcomm-envelope-enc; charset=utf-8"));
        assert!(is_envelope_type("ssi-agent-wire"));
        assert!(!is_envelope_type("application/json"));
        assert!(has_protected(br#"{"protected":"e30","iv":""}"#));
        assert!(!has_protected(br#"{"error":"protected"}"#));
        assert!(!has_protected(b"OK"));
    }
}
