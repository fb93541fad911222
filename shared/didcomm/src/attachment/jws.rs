//! Detached JSON Web Signatures over attachments (RFC 0017, RFC 7515), with Ed25519.
//!
//! Signing has two halves, because the secret is elsewhere: [`signing_input`] gives the bytes to sign,
//! [`Unsigned::with_signature`] makes the JWS of them and their signature.

use entente_did::{DidError, PublicKey};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Attachment, AttachmentError};
use crate::base64url;
use crate::primitives::{CryptoError, verify as verify_signature};

/// The most signatures that are checked on one attachment.
pub const MAX_SIGNATURES: usize = 16;
/// The largest signed content, in bytes.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;

/// Why a signed attachment was refused, or cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The content cannot be read.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// There is no signature.
    #[error("the attachment is not signed: `data.jws` is missing")]
    NotSigned,
    /// Only the bytes of `base64` can be signed.
    #[error("a signature needs `data.base64`; `data.json` cannot be signed")]
    NotSignable,
    /// Not the shape of a flattened or general JWS.
    #[error("`data.jws` is no flattened or general JWS: {reason}")]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// The number of signatures is not one that we check.
    #[error("`data.jws` has {actual} signatures, expected 1 to {limit}")]
    SignatureCount {
        /// The most checked.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// Another algorithm than EdDSA.
    #[error("`alg` of signature {index} is {actual:?}, expected \"EdDSA\"")]
    Algorithm {
        /// The signature's place, from 0.
        index: usize,
        /// What it says, shortened.
        actual: String,
    },
    /// A header that must be understood, and is not.
    #[error("signature {index} has the critical header `{header}`, which is not supported")]
    Critical {
        /// The signature's place, from 0.
        index: usize,
        /// `crit` or `b64`.
        header: &'static str,
    },
    /// The signer's key cannot be found in the headers.
    #[error(
        "signature {index} names no key: expected a `jwk` (OKP, Ed25519) or a `kid` that is a did:key"
    )]
    NoKey {
        /// The signature's place, from 0.
        index: usize,
    },
    /// A key in the headers is no Ed25519 key.
    #[error("`{header}` of signature {index} is no Ed25519 key")]
    BadKey {
        /// The signature's place, from 0.
        index: usize,
        /// Where the key stands.
        header: &'static str,
    },
    /// Two headers name two keys.
    #[error("the headers of signature {index} name different keys (`jwk` and `kid` must agree)")]
    KeysDisagree {
        /// The signature's place, from 0.
        index: usize,
    },
    /// The signature does not verify.
    #[error("signature {index} does not verify: the content was changed or another key signed it")]
    Signature {
        /// The signature's place, from 0.
        index: usize,
    },
    /// The key to sign with is not Ed25519.
    #[error("cannot sign with this key: {0}")]
    SigningKey(#[from] CryptoError),
}

/// A JWS that lacks its signature.
#[derive(Debug, Clone)]
pub struct Unsigned {
    protected: String,
    kid: String,
    input: Vec<u8>,
}

/// Begins a signature of `payload`, the attachment's bytes, with `key`.
///
/// The headers are those that ACA-Py and Credo both verify: `jwk` (which ACA-Py insists on) in
/// `protected`, without a `kid` beside it (Credo refuses the two together), and the did:key as `kid` of
/// the unprotected header.
///
/// # Errors
/// [`JwsError::SigningKey`] unless the key is Ed25519.
pub fn signing_input(payload: &[u8], key: &PublicKey) -> Result<Unsigned, JwsError> {
    let PublicKey::Ed25519(bytes) = key else {
        return Err(CryptoError::NotEd25519(key.key_type()).into());
    };
    let kid = key.did_key();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(bytes), "kid": kid});
    let protected = base64url::encode(json!({"alg": "EdDSA", "jwk": jwk}).to_string());
    let input = input(&protected, payload);
    Ok(Unsigned { protected, kid, input })
}

impl Unsigned {
    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        &self.input
    }

    /// The JWS, for [`super::Data::jws`].
    pub fn with_signature(self, signature: [u8; 64]) -> Value {
        json!({
            "header": {"kid": self.kid},
            "protected": self.protected,
            "signature": base64url::encode(signature),
        })
    }
}

fn input(protected: &str, payload: &[u8]) -> Vec<u8> {
    format!("{protected}.{}", base64url::encode(payload)).into_bytes()
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
    #[serde(default)]
    header: Option<Map<String, Value>>,
    signature: String,
}

/// Checks every signature of an attachment and returns the keys that made them, in their order: at least
/// one, each of which did sign the content. Whether a key is the right one is for the caller to say.
///
/// Reads the flattened and the general form, a key as `jwk` in the protected header or as did:key in a
/// `kid` of either header, or both if they agree. A `kid` that is no key (a DID URL, a UUID) is not
/// looked at beside a `jwk`, and not enough without one.
///
/// # Errors
/// [`JwsError`], for the first signature that fails.
pub fn verify(attachment: &Attachment) -> Result<Vec<PublicKey>, JwsError> {
    let jws = attachment.data.jws.as_ref().ok_or(JwsError::NotSigned)?;
    if attachment.data.base64.is_none() {
        return Err(JwsError::NotSignable);
    }
    let signatures = signatures(jws)?;
    let payload = attachment.content(MAX_CONTENT_BYTES)?;
    signatures
        .iter()
        .enumerate()
        .map(|(index, signature)| verify_one(index, signature, &payload))
        .collect()
}

fn signatures(jws: &Value) -> Result<Vec<Signature>, JwsError> {
    let shape = |reason: &str| JwsError::Shape { reason: reason.chars().take(120).collect() };
    let read =
        |value: &Value| Signature::deserialize(value).map_err(|error| shape(&error.to_string()));
    let Some(general) = jws.get("signatures") else { return Ok(vec![read(jws)?]) };
    if jws.get("signature").is_some() || jws.get("protected").is_some() {
        return Err(shape("it has both `signatures` and a signature of its own"));
    }
    let list = general.as_array().ok_or_else(|| shape("`signatures` is not a list"))?;
    if list.is_empty() || list.len() > MAX_SIGNATURES {
        return Err(JwsError::SignatureCount { limit: MAX_SIGNATURES, actual: list.len() });
    }
    list.iter().map(read).collect()
}

fn verify_one(index: usize, signature: &Signature, payload: &[u8]) -> Result<PublicKey, JwsError> {
    let shape = |reason: &str| JwsError::Shape { reason: reason.to_owned() };
    let protected = base64url::decode(&signature.protected)
        .and_then(|json| crate::message::object(&json).ok())
        .ok_or_else(|| shape("`protected` is not base64url of a JSON object"))?;
    check_algorithm(index, &protected)?;
    let key = signer(index, &protected, signature.header.as_ref())?;
    let bytes = base64url::decode_array::<64>(&signature.signature)
        .ok_or_else(|| shape("`signature` is not base64url of 64 bytes"))?;
    verify_signature(&key, &input(&signature.protected, payload), &bytes)
        .map_err(|_| JwsError::Signature { index })?;
    Ok(key)
}

fn check_algorithm(index: usize, protected: &Map<String, Value>) -> Result<(), JwsError> {
    match protected.get("alg") {
        Some(Value::String(alg)) if alg == "EdDSA" => {}
        other => {
            let actual = other.map(Value::to_string).unwrap_or_default();
            let actual = actual.chars().take(40).collect();
            return Err(JwsError::Algorithm { index, actual });
        }
    }
    match (protected.contains_key("crit"), protected.get("b64")) {
        (true, _) => Err(JwsError::Critical { index, header: "crit" }),
        (false, Some(Value::Bool(false))) => Err(JwsError::Critical { index, header: "b64" }),
        _ => Ok(()),
    }
}

/// The one key that the headers name.
fn signer(
    index: usize,
    protected: &Map<String, Value>,
    header: Option<&Map<String, Value>>,
) -> Result<PublicKey, JwsError> {
    let jwk = protected.get("jwk").filter(|jwk| !jwk.is_null());
    let mut key =
        jwk.map(|jwk| jwk_key(jwk).ok_or(JwsError::BadKey { index, header: "jwk" })).transpose()?;
    let kids = [
        ("protected.kid", protected.get("kid")),
        ("header.kid", header.and_then(|header| header.get("kid"))),
        ("jwk.kid", jwk.and_then(|jwk| jwk.get("kid"))),
    ];
    for (header, kid) in kids {
        let Some(kid) = kid.and_then(Value::as_str) else { continue };
        let named = match kid_key(kid) {
            Ok(Some(named)) => named,
            Ok(None) => continue,
            Err(_) => return Err(JwsError::BadKey { index, header }),
        };
        match key {
            Some(key) if key != named => return Err(JwsError::KeysDisagree { index }),
            _ => key = Some(named),
        }
    }
    key.ok_or(JwsError::NoKey { index })
}

fn jwk_key(jwk: &Value) -> Option<PublicKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    (text("kty") == Some("OKP") && text("crv") == Some("Ed25519"))
        .then(|| base64url::decode_array(text("x")?))
        .flatten()
        .map(PublicKey::Ed25519)
}

/// The key that a `kid` is: a did:key, or base58 as some old agents write. `None` for a mere name.
fn kid_key(kid: &str) -> Result<Option<PublicKey>, DidError> {
    if kid.starts_with("did:key:") {
        return PublicKey::from_did_key(kid).map(Some);
    }
    Ok(PublicKey::from_base58_ed25519(kid).ok())
}

#[cfg(test)]
mod tests;
