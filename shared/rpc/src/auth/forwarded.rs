//! What a proxy says of the certificate that was shown to it: `x-forwarded-client-cert`, as Envoy writes it.
//!
//! A list with commas of elements, the last of which is the nearest proxy's; an element is a list with semicolons of
//! `Key=value`, where a value with `,`, `;` or `=` in it stands in double quotes, and `\"` is a quote in those.

use entente_tls::Identity;
use http::HeaderValue;

/// The longest list that is read, in bytes, over all the headers.
const MAX_LENGTH: usize = 16 * 1024;
const UNREADABLE: &str = "the proxy's x-forwarded-client-cert cannot be read";

/// Who the nearest proxy says that it calls for.
pub(super) fn identity(said: &[HeaderValue]) -> Identity {
    if said.iter().map(HeaderValue::len).sum::<usize>() > MAX_LENGTH {
        return Identity::Unusable(UNREADABLE);
    }
    let Some(last) = said.last() else { return Identity::None };
    let Ok(text) = last.to_str() else { return Identity::Unusable(UNREADABLE) };
    let Some(element) = split(text, ',').and_then(|mut elements| elements.pop()) else {
        return Identity::Unusable(UNREADABLE);
    };
    let Some(pairs) = split(element, ';') else { return Identity::Unusable(UNREADABLE) };
    let mut uris = pairs.iter().filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case("uri").then_some(value.trim())
    });
    match (uris.next(), uris.next()) {
        (None, _) => Identity::None,
        (Some(_), Some(_)) => {
            Identity::Unusable("the proxy's x-forwarded-client-cert has more than one URI")
        }
        // A SPIFFE id has nothing that has to be escaped.
        (Some(uri), None) => match uri.trim_matches('"').parse() {
            Ok(id) => Identity::Spiffe(id),
            Err(_) => {
                Identity::Unusable("the URI in the proxy's x-forwarded-client-cert is no SPIFFE id")
            }
        },
    }
}

/// The parts between separators that are not in quotes; `None` if a quote is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                parts.push(text.get(start..at)?.trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?.trim());
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Identity {
        identity(&[HeaderValue::from_str(text).unwrap()])
    }

    fn id(text: &str) -> Identity {
        Identity::Spiffe(text.parse().unwrap())
    }

    #[test]
    fn the_last_element_counts_as_envoy_writes_it() {
        let hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
        for (text, expected) in [
            (
                format!(
                    "By=http://frontend.lyft.com;Hash={hash};Subject=\"/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test \
                     Client\";URI=spiffe://mesh/client"
                ),
                id("spiffe://mesh/client"),
            ),
            (
                format!("By=spiffe://mesh/a;Hash={hash};URI=spiffe://mesh/b,By=spiffe://mesh/b;URI=spiffe://mesh/c"),
                id("spiffe://mesh/c"),
            ),
            (
                format!("Hash={hash};Cert=\"-----BEGIN%20CERT\";Subject=\"\";URI=spiffe://mesh/a;DNS=a.b;DNS=c.d"),
                id("spiffe://mesh/a"),
            ),
            // What stands in quotes is a value, whatever it looks like.
            (
                "Subject=\"CN=x,URI=spiffe://mesh/admin;URI=spiffe://mesh/admin\";URI=spiffe://mesh/a".to_owned(),
                id("spiffe://mesh/a"),
            ),
            ("URI=spiffe://mesh/a;Subject=\"O=\\\",URI=spiffe://mesh/admin\\\"\"".to_owned(), id("spiffe://mesh/a")),
            ("uri=\"spiffe://mesh/a\"".to_owned(), id("spiffe://mesh/a")),
            (format!("By=spiffe://mesh/a;Hash={hash}"), Identity::None),
            (format!("URI=spiffe://mesh/a,By=spiffe://mesh/b;Hash={hash}"), Identity::None),
        ] {
            assert_eq!(of(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        let long = format!("Subject=\"{}\";URI=spiffe://mesh/a", "x".repeat(MAX_LENGTH));
        for text in [
            "URI=spiffe://mesh/a;URI=spiffe://mesh/b",
            "URI=https://mesh/a",
            "URI=",
            "URI=spiffe://mesh/a;Subject=\"CN=x",
            &long,
        ] {
            assert!(matches!(of(text), Identity::Unusable(_)), "{text}");
        }
    }
}
