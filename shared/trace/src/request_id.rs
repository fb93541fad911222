use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header with the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken, in bytes.
const MAX: usize = 128;

/// What a caller calls a request, so that it finds it again in our logs; or we, where the caller has no name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id in a request's headers, or a new one.
    #[must_use]
    pub fn arriving(headers: &HeaderMap) -> Self {
        Self::of_headers(headers)
            .unwrap_or_else(|| Self(format!("{:032x}", rand::random::<u128>()).into()))
    }

    /// The id in a request's headers: letters, digits and `-_.:/+=@`, so that it changes no log line's meaning.
    fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte);
        let sound = !text.is_empty() && text.len() <= MAX && text.bytes().all(fits);
        sound.then(|| Self(text.into()))
    }

    /// As the header has it.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_if_it_can_stand_in_a_log_line() {
        let id = |text: &str| {
            let headers =
                HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(text).unwrap())]);
            RequestId::arriving(&headers).to_string()
        };
        assert_eq!(id("order-17/b"), "order-17/b");
        for text in ["", "a b", "a\"b", "a\\b", &"a".repeat(MAX + 1)] {
            let made = id(text);
            assert!(made != text && made.len() == 32, "{text} {made}");
        }
        assert_ne!(RequestId::arriving(&HeaderMap::new()), RequestId::arriving(&HeaderMap::new()));
    }
}
