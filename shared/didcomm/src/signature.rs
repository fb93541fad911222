//! Signed fields, `…~sig` (RFC 0234). Retired, but for the response of connections/1.0 (RFC 0160).
//!
//! Signing has two halves, as with [`crate::attachment::jws`]: [`signing_input`] and [`Unsigned::with_signature`].

use entente_did::{KeyType, PublicKey};
use serde_json::{Map, Value, json};

use crate::base64url;
use crate::message::{MessageError, object};
use crate::primitives::verify;

const TYPE: &str = "https://didcomm.org/signature/1.0/ed25519Sha512_single";
/// The one scheme there is.
const SCHEME: &str = "/ed25519Sha512_single";
/// The largest signed content, in bytes.
const MAX_CONTENT_BYTES: usize = 128 << 10;
/// The seconds since 1970 that stand before the content, in network order.
const TIME_BYTES: usize = 8;

/// Why a signed field was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A member is missing or malformed.
    #[error("`{field}.{member}` must be {expected}")]
    Member {
        /// The field.
        field: &'static str,
        /// The member of it.
        member: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The signed content is no JSON object.
    #[error("the content of `{field}` cannot be read: {source}")]
    Content {
        /// The field.
        field: &'static str,
        /// What is wrong.
        source: MessageError,
    },
    /// The signature does not verify.
    #[error("`{0}` does not verify: the content was changed or another key signed it")]
    Signature(&'static str),
}

/// A signed field as it was read; that its signature holds is not proven yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    field: &'static str,
    signature: [u8; 64],
    data: Vec<u8>,
    /// More than one where the text is a key in base58 and in base64url.
    signers: Vec<PublicKey>,
    content: Map<String, Value>,
}

impl Signed {
    /// Reads a field. The signer may be written in base58 (RFC 0160) or base64url (RFC 0234), or as did:key.
    ///
    /// # Errors
    /// [`SignatureError`], which names the member.
    pub fn parse(field: &'static str, value: &Value) -> Result<Self, SignatureError> {
        let wrong = |member, expected| SignatureError::Member { field, member, expected };
        let text = |member, expected| {
            value.get(member).and_then(Value::as_str).ok_or(wrong(member, expected))
        };
        const SCHEMES: &str = "\"https://didcomm.org/signature/1.0/ed25519Sha512_single\"";
        if !text("@type", SCHEMES)?.ends_with(SCHEME) {
            return Err(wrong("@type", SCHEMES));
        }
        const BYTES: &str = "64 bytes in base64url";
        let signature = base64url::decode_any(text("signature", BYTES)?);
        let signature = signature.and_then(|bytes| bytes.try_into().ok());
        const DATA: &str = "the time and the content, in base64url, of at most 128 KiB";
        let encoded = text("sig_data", DATA)?;
        let data = base64url::decode_any(encoded)
            .filter(|_| encoded.len() <= MAX_CONTENT_BYTES * 2)
            .filter(|data| data.len() <= MAX_CONTENT_BYTES)
            .ok_or(wrong("sig_data", DATA))?;
        const KEY: &str = "an Ed25519 key in base58";
        let signers = keys(text("signer", KEY)?);
        if signers.is_empty() {
            return Err(wrong("signer", KEY));
        }
        let content = data.get(TIME_BYTES..).ok_or(wrong("sig_data", DATA))?;
        let content =
            object(content).map_err(|source| SignatureError::Content { field, source })?;
        Ok(Self {
            field,
            signature: signature.ok_or(wrong("signature", BYTES))?,
            data,
            signers,
            content,
        })
    }

    /// The content that the field says was signed.
    pub fn content(&self) -> &Map<String, Value> {
        &self.content
    }

    /// The key that signed the content.
    ///
    /// # Errors
    /// [`SignatureError::Signature`].
    pub fn verify(&self) -> Result<PublicKey, SignatureError> {
        let signed = |key: &&PublicKey| verify(key, &self.data, &self.signature).is_ok();
        self.signers.iter().find(signed).copied().ok_or(SignatureError::Signature(self.field))
    }
}

/// A signed field that lacks its signature.
#[derive(Debug, Clone)]
pub struct Unsigned {
    data: Vec<u8>,
    signer: PublicKey,
}

/// Begins the signature of `content` by `key`, at a time in Unix seconds.
#[must_use]
pub fn signing_input(content: &Value, key: &PublicKey, unix_seconds: i64) -> Unsigned {
    let mut data = unix_seconds.to_be_bytes().to_vec();
    data.extend(content.to_string().into_bytes());
    Unsigned { data, signer: *key }
}

impl Unsigned {
    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The field, to stand under a name that ends in `~sig`. Padded: not every peer reads it otherwise.
    #[must_use]
    pub fn with_signature(self, signature: [u8; 64]) -> Value {
        json!({
            "@type": TYPE,
            "signature": base64url::encode_padded(signature),
            "sig_data": base64url::encode_padded(self.data),
            "signer": self.signer.base58(),
        })
    }
}

fn keys(text: &str) -> Vec<PublicKey> {
    let ed25519 = |key: &PublicKey| key.key_type() == KeyType::Ed25519;
    let raw = base64url::decode_array::<32>(text).map(PublicKey::Ed25519);
    PublicKey::parse_reference(text).ok().filter(ed25519).into_iter().chain(raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Ed25519Secret;

    const FIELD: &str = "connection~sig";

    fn signed(seed: u8) -> Value {
        let secret = Ed25519Secret::from_seed([seed; 32]);
        let unsigned = signing_input(&json!({"DID": "x"}), &secret.public(), 1_600_000_000);
        let signature = secret.sign(unsigned.bytes());
        unsigned.with_signature(signature)
    }

    #[test]
    fn what_was_signed_verifies_with_the_signer_in_each_spelling() {
        for seed in 0..32 {
            let key = Ed25519Secret::from_seed([seed; 32]).public();
            for signer in [key.base58(), base64url::encode(key.as_bytes()), key.did_key()] {
                let mut value = signed(seed);
                value["signer"] = signer.into();
                let read = Signed::parse(FIELD, &value).unwrap();
                assert_eq!(read.content()["DID"], "x");
                assert_eq!(read.verify(), Ok(key));
            }
        }
    }

    #[test]
    fn the_time_stands_before_the_content() {
        let data = base64url::decode_any(signed(1)["sig_data"].as_str().unwrap()).unwrap();
        assert_eq!(data[..8], 1_600_000_000_i64.to_be_bytes());
        assert_eq!(data[8..], *br#"{"DID":"x"}"#);
    }

    #[test]
    fn a_change_is_found() {
        let mut tampered = signed(1);
        tampered["sig_data"] = signing_input(
            &json!({"DID": "y"}),
            &Ed25519Secret::from_seed([1; 32]).public(),
            1_600_000_000,
        )
        .with_signature([0; 64])["sig_data"]
            .clone();
        let mut foreign = signed(1);
        foreign["signer"] = signed(2)["signer"].clone();
        for value in [tampered, foreign] {
            let read = Signed::parse(FIELD, &value).unwrap();
            assert_eq!(read.verify(), Err(SignatureError::Signature(FIELD)));
        }
    }

    #[test]
    fn each_member_is_checked() {
        for (member, bad) in [
            ("@type", json!("https://didcomm.org/signature/1.0/rsa")),
            ("signature", json!("AAAA")),
            ("signature", Value::Null),
            ("sig_data", json!("AAAA")),
            ("sig_data", json!("!")),
            ("signer", json!("nonsense")),
            ("signer", json!(7)),
        ] {
            let mut value = signed(1);
            value[member] = bad;
            let error = Signed::parse(FIELD, &value).unwrap_err().to_string();
            assert!(error.contains(member), "{error}");
        }
        assert!(Signed::parse(FIELD, &Value::Null).is_err());
    }
}
