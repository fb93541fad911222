//! Invitations, in whatever form somebody hands them over: JSON, base64, URLs of three formats.

#![no_main]

use entente_didcomm::message::MAX_BYTES;
use entente_didcomm::out_of_band::{Decoded, Invitation, MAX_CONNECTIONS_BYTES, parse_input};
use entente_fuzz::{base64url, way};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match way(data) {
    (1, json) => parse(&format!("https://example.org/a?oob={}", base64url(json))),
    (2, json) => parse(&format!("didcomm://example.org?_oob={}", base64url(json))),
    (3, json) => parse(&format!("https://example.org/#c?c_i={}", base64url(json))),
    (4, json) => parse(&base64url(json)),
    (_, text) => parse(&String::from_utf8_lossy(text)),
});

fn parse(text: &str) {
    let invitation = match parse_input(text) {
        Ok(Decoded::Invitation(invitation)) => invitation,
        Ok(Decoded::ShortUrl(url)) => {
            assert!(url.starts_with("http://") || url.starts_with("https://"), "{url}");
            return assert_eq!(parse_input(&url), Ok(Decoded::ShortUrl(url)));
        }
        _ => return,
    };
    assert!(!invitation.services.is_empty());
    let _ = (invitation.select_profile(), invitation.is_expired(0));
    let _ = invitation.known_protocols().count();
    again(&invitation);
}

/// Each form that it is written in gives the same.
fn again(invitation: &Invitation) {
    let written = invitation.to_json();
    let read = Invitation::from_value(written.clone()).expect("what was written is read");
    assert_eq!(*invitation, read);
    let text = written.to_string();
    let urls =
        ["https://example.org", "https://example.org/a?b=c#d"].map(|base| invitation.to_url(base));
    // What grew by being written may be too long.
    let limit = MAX_BYTES.min(MAX_CONNECTIONS_BYTES);
    for form in urls.iter().chain([&text]).filter(|form| form.len() <= limit) {
        assert_eq!(parse_input(form), Ok(Decoded::Invitation(Box::new(invitation.clone()))));
    }
}
