//! Lines without DIDs and keys, which an error from below may name.

use std::borrow::Cow;

/// How the keys begin that stand in DIDs: Ed25519 and X25519 in base58.
const KEYS: [&str; 2] = ["z6Mk", "z6LS"];

/// The line with `did:method:…` for each DID, and `z6Mk…` for each key.
pub(super) fn redact(line: &str) -> Cow<'_, str> {
    let Some(mut at) = find(line) else { return Cow::Borrowed(line) };
    let (mut redacted, mut rest) = (String::with_capacity(line.len()), line);
    loop {
        let (before, found) = rest.split_at(at);
        let (shown, hidden) = found.split_at(visible(found));
        redacted.extend([before, shown, "…"]);
        rest = hidden.trim_start_matches(is_part);
        match find(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

fn find(line: &str) -> Option<usize> {
    let did = line.match_indices("did:").map(|(at, _)| at).find(|at| {
        let begins = line.get(..*at).and_then(|before| before.chars().next_back());
        let named = line.get(at + 4..).is_some_and(|rest| {
            let name = rest.split(':').next().unwrap_or_default();
            let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            name.len() < rest.len() && !name.is_empty() && name.bytes().all(letter)
        });
        named && !begins.is_some_and(|last| last.is_ascii_alphanumeric())
    });
    KEYS.iter().filter_map(|key| line.find(key)).chain(did).min()
}

/// How much of what was found is shown: the method of a DID, the kind of a key.
fn visible(found: &str) -> usize {
    match found.strip_prefix("did:").and_then(|rest| rest.find(':')) {
        Some(method) => "did:".len() + method + 1,
        None => 4,
    }
}

/// Whether a character may stand in a DID URL's path and fragment too. Who ends a sentence with a DID loses the full stop.
fn is_part(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || ".-_:%#/?=&;~+".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named() {
        for (line, shown) in [
            ("plain", "plain"),
            ("did: not one", "did: not one"),
            ("candid:web:x", "candid:web:x"),
            ("no did:peer:2.Vz6Mkx.Ez6LSy here", "no did:peer:… here"),
            ("{\"did\":\"did:web:a.example:b#k-1\",\"n\":1}", "{\"did\":\"did:web:…\",\"n\":1}"),
            ("did:key:z6Mka did:key:z6Mkb", "did:key:… did:key:…"),
            ("key z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH, sent", "key z6Mk…, sent"),
            ("é did:web:é", "é did:web:…é"),
        ] {
            assert_eq!(redact(line), shown);
        }
    }
}
