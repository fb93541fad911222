//! The URLs of invitations.

use std::fmt::Write as _;

use super::InvitationFormat;
use crate::base64url;

/// `base` with an invitation's compact JSON in the parameter of its format. A query and a fragment of
/// `base` stay.
pub(super) fn with_invitation(base: &str, format: InvitationFormat, json: &str) -> String {
    let (before, fragment) = match base.split_once('#') {
        Some((before, fragment)) => (before, format!("#{fragment}")),
        None => (base, String::new()),
    };
    let separator = match before.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    let (parameter, value) = (format.parameter(), encode(format, json));
    format!("{before}{separator}{parameter}={value}{fragment}")
}

/// RFC 0434 writes without padding. The others are read by decoders that want padding, as their
/// specifications write it, and that know only the standard alphabet: so they get neither `-` nor `_`.
fn encode(format: InvitationFormat, json: &str) -> String {
    match format {
        InvitationFormat::OutOfBand1 => base64url::encode(json),
        InvitationFormat::OutOfBand2 | InvitationFormat::Connections1 => {
            base64url::encode_padded(alphabet_safe(json))
        }
    }
}

/// The same JSON in ASCII, without the four characters whose bits can make a `-` or a `_` in base64url.
/// All of them, and those beyond ASCII, stand only in strings, where an escape means the same.
fn alphabet_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !matches!(c, '>' | '?' | '~' | '\u{7f}') {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{unit:04x}");
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn escapes_what_the_standard_alphabet_lacks() {
        assert_eq!(
            alphabet_safe(r#"{"a~b":"é?>\u{1F600}"}"#),
            r#"{"a\u007eb":"\u00e9\u003f\u003e\u{1F600}"}"#
        );
        assert_eq!(alphabet_safe("\"\u{1F600}\u{7f}\""), r#""\ud83d\ude00\u007f""#);
    }

    proptest! {
        #[test]
        fn has_no_special_characters_and_the_same_meaning(text in "[\\PC>?~\u{7f}\\n\"\\\\]{0,40}", key in "[a-z~?]{0,6}") {
            let json = json!({key: text, "n": 1});
            let url = with_invitation("http://x", InvitationFormat::OutOfBand2, &json.to_string());
            let value = url.strip_prefix("http://x?_oob=").unwrap();
            prop_assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)), "{}", value);
            prop_assert_eq!(value.len() % 4, 0);
            let decoded = base64url::decode_any(value).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), json);
        }
    }
}
