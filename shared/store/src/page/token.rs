//! Tokens, which come back from outside.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// The longest place in a token, in bytes: lists go by ids, or by DIDs.
pub(crate) const MAX_AFTER: usize = 2_560;

/// The size of a page: 100 when `asked` is 0, at most 1,000; `None` if it is negative.
#[must_use]
pub fn page_size(asked: i32) -> Option<i64> {
    match asked {
        0 => Some(100),
        1.. => Some(i64::from(asked.min(1000))),
        _ => None,
    }
}

/// The place after which a page begins. On the wire it is opaque text, bound to the filter it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The key of the last row of the page before.
    pub after: String,
}

impl PageToken {
    /// The text of a token for a list with `filter`.
    #[must_use]
    pub fn encode(after: &str, filter: &impl Hash) -> String {
        format!("{:08x}{after}", fingerprint(filter))
    }

    /// Reads a token; empty text is the first page. `None` if it is not a token of a list with `filter`.
    #[must_use]
    pub fn decode(text: &str, filter: &impl Hash) -> Option<Option<Self>> {
        if text.is_empty() {
            return Some(None);
        }
        let (mark, after) = text.split_at_checked(8)?;
        let known = u32::from_str_radix(mark, 16).ok()? == fingerprint(filter);
        (known && !after.is_empty() && after.len() <= MAX_AFTER)
            .then(|| Some(Self { after: after.to_owned() }))
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "half of the hash is enough to tell filters apart"
)]
fn fingerprint(filter: &impl Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    filter.hash(&mut hasher);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_its_filter() {
        let token = PageToken::encode("0190", &("OPEN", 3));
        assert_eq!(
            PageToken::decode(&token, &("OPEN", 3)),
            Some(Some(PageToken { after: "0190".into() }))
        );
        assert_eq!(PageToken::decode(&token, &("USED", 3)), None);
        assert_eq!(PageToken::decode("", &"any"), Some(None));
        assert_eq!(PageToken::decode("é", &"any"), None);
        assert_eq!(PageToken::decode("zzzzzzzzx", &"any"), None);
    }

    #[test]
    fn a_page_has_a_default_and_a_limit() {
        assert_eq!(
            [page_size(0), page_size(7), page_size(5000), page_size(-1)],
            [Some(100), Some(7), Some(1000), None]
        );
    }
}
