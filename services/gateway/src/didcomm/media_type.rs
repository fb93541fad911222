//! The media types that an envelope may come as (RFC 0044).

/// Whether a `Content-Type` may hold an envelope. Parameters are ignored; a value without a slash is read with
/// `application/` before it. What the envelope really is shows in its content.
pub(super) fn may_hold_envelope(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let name = match essence.split_once('/') {
        None => essence.as_str(),
        Some(("application", name)) => name,
        Some(_) => return false,
    };
    matches!(
        name,
        "didcomm-envelope-enc" | "ssi-agent-wire" | "didcomm-encrypted+json" | "jwe" | "json"
    )
}

#[cfg(test)]
mod tests {
    use super::may_hold_envelope;

    #[test]
    fn reads_types_with_parameters_and_without_a_slash() {
        for (content_type, expected) in [
            ("application/didcomm-envelope-enc", true),
            ("didcomm-envelope-enc", true),
            ("Application/SSI-Agent-Wire", true),
            ("application/didcomm-envelope-enc; charset=utf-8", true),
            ("application/json;charset=utf-8", true),
            ("application/jwe", true),
            ("application/didcomm-encrypted+json", true),
            ("application/json;flavor=didcomm-msg", true),
            ("application/didcomm-plain+json", false),
            ("text/plain", false),
            ("text/json", false),
            ("application/octet-stream", false),
            ("application/", false),
            ("", false),
        ] {
            assert_eq!(may_hold_envelope(content_type), expected, "{content_type}");
        }
    }
}
