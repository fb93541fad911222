//! Public keys as JWKs: RFC 8037 (OKP), RFC 7518 section 6.2 (EC), RFC 8812 (secp256k1).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{KeyType, PublicKey};
use crate::error::DidError;

impl PublicKey {
    /// Reads a JWK. Of an EC key only the parity of `y` is taken: that the point is on its curve is found out where it
    /// is used.
    ///
    /// # Errors
    /// [`DidError::KeyEncoding`], [`DidError::KeyLength`].
    pub fn from_jwk(jwk: &Value) -> Result<Self, DidError> {
        const UNKNOWN: DidError = DidError::KeyEncoding {
            expected: "a JWK of Ed25519, X25519, P-256, P-384, P-521 or secp256k1",
        };
        let member = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let key_type = match (member("kty"), member("crv")) {
            ("OKP", "Ed25519") => KeyType::Ed25519,
            ("OKP", "X25519") => KeyType::X25519,
            ("EC", "P-256") => KeyType::P256,
            ("EC", "P-384") => KeyType::P384,
            ("EC", "P-521") => KeyType::P521,
            ("EC", "secp256k1") => KeyType::Secp256k1,
            _ => return Err(UNKNOWN),
        };
        let x = coordinate(member("x"))?;
        if member("kty") == "OKP" {
            return Self::from_bytes(key_type, &x);
        }
        let y = coordinate(member("y"))?;
        match y.last() {
            Some(last) if y.len() + 1 == key_type.key_len() => {
                Self::from_bytes(key_type, &[&[2 | (last & 1)], x.as_slice()].concat())
            }
            _ => Err(DidError::KeyEncoding {
                expected: "in `y` of a JWK as many bytes as its curve has",
            }),
        }
    }
}

fn coordinate(text: &str) -> Result<Vec<u8>, DidError> {
    const EXPECTED: DidError =
        DidError::KeyEncoding { expected: "base64url members in publicKeyJwk" };
    super::check_len(text)?;
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| EXPECTED)
}
