//! What a call carries to show who makes it.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

/// The header that carries an API key; `apikey` and `authorization: Bearer` work too.
pub const API_KEY_HEADER: &str = "x-api-key";

/// SHA-256 of a key: what is stored of it, and compared.
pub type Digest = [u8; 32];

/// What stored keys begin with.
const PREFIX: &str = "ent_";
/// The characters of an id and of a secret: 8 and 32 bytes in hexadecimal.
const LENGTHS: (usize, usize) = (16, 64);

/// A key that was just made. Without `Debug`, for it is a secret.
pub struct MadeKey {
    /// Its id.
    pub id: String,
    /// `ent_<id>_<secret>`.
    pub key: String,
}

impl MadeKey {
    /// A key of random bytes, 8 for the id and 32 for the secret.
    #[must_use]
    pub fn of(id: [u8; 8], secret: [u8; 32]) -> Self {
        Self::with_id(&base16ct::lower::encode_string(&id), secret)
    }

    /// A key with an id that there is.
    #[must_use]
    pub fn with_id(id: &str, secret: [u8; 32]) -> Self {
        Self {
            id: id.to_owned(),
            key: format!("{PREFIX}{id}_{}", base16ct::lower::encode_string(&secret)),
        }
    }
}

/// The key that the headers carry.
#[must_use]
pub fn key_in(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text(API_KEY_HEADER).or_else(|| text("apikey")).or_else(|| bearer_in(headers))
}

/// The key that `authorization: Bearer` carries.
#[must_use]
pub fn bearer_in(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The id in a stored key; `None` if the text has not its form.
#[must_use]
pub fn key_id(key: &str) -> Option<&str> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ((id.len(), secret.len()) == LENGTHS && is_hex(id) && is_hex(secret)).then_some(id)
}

/// Whether a text may be a key that an operator chose: 16 to 128 printable ASCII characters with no space at either end,
/// which do not look like a made key.
#[must_use]
pub fn is_chosen_key(key: &str) -> bool {
    (16..=128).contains(&key.len())
        && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && key.trim() == key
        && !key.starts_with(PREFIX)
}

/// What is stored of a key.
#[must_use]
pub fn digest(key: &str) -> Digest {
    Sha256::digest(key.as_bytes()).into()
}

/// The key of a service where the processes share the administrator's key and have none of their own: each service has
/// another, and none is the administrator's.
#[must_use]
pub fn service_key(admin_key: &str, service: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(format!(
        "entente service key\n{service}\n{admin_key}"
    )))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn keys_are_read_from_each_header() {
        for (name, value) in
            [("x-api-key", "secret"), ("apikey", "secret"), ("authorization", "Bearer secret")]
        {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            assert_eq!(key_in(&headers), Some("secret"), "{name}");
        }
        assert_eq!(key_in(&HeaderMap::new()), None);
    }

    #[test]
    fn a_made_key_has_its_id() {
        let made = MadeKey::of([0xab; 8], [7; 32]);
        assert_eq!(key_id(&made.key), Some("abababababababab"));
        assert_eq!(MadeKey::with_id(&made.id, [7; 32]).key, made.key);
        for wrong in ["", "ent_", "ent_ab_cd", "secret", &made.key[..80], &made.key.to_uppercase()]
        {
            assert_eq!(key_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_service_has_a_key_of_its_own() {
        let key = |admin, service| service_key(admin, service);
        assert_eq!(key("secret", "gateway"), key("secret", "gateway"));
        assert_ne!(key("secret", "gateway"), key("secret", "connection"));
        assert_ne!(key("secret", "gateway"), key("secret2", "gateway"));
    }
}
