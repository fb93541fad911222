//! The protected header of a JWE.

use entente_did::{DidError, PublicKey};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::MEDIA_TYPE_ENCRYPTED;
use crate::base64url::{self, encode};
use crate::envelope::EnvelopeError;
use crate::envelope::error::excerpt;
use crate::primitives::{ContentEncryption, CryptoError, KeyDerivation, coordinates};

/// The key agreement of a JWE: the header `alg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    /// Anoncrypt.
    EcdhEs,
    /// Authcrypt.
    Ecdh1pu,
}

impl Agreement {
    fn name(self) -> &'static str {
        match self {
            Self::EcdhEs => "ECDH-ES+A256KW",
            Self::Ecdh1pu => "ECDH-1PU+A256KW",
        }
    }
}

/// A protected header, decoded and checked.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) agreement: Agreement,
    pub(super) encryption: ContentEncryption,
    /// A point of its curve.
    pub(super) epk: PublicKey,
    /// The sender's kid, of authcrypt.
    pub(super) sender: Option<String>,
    apu: Vec<u8>,
    apv: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Protected {
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    alg: String,
    enc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    skid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apu: Option<String>,
    apv: Option<String>,
    epk: Value,
    // Neither is written, nor understood.
    #[serde(skip_serializing)]
    crit: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    zip: Option<IgnoredAny>,
}

impl Header {
    /// A header for the recipients with these kids.
    pub(super) fn new<'a>(
        sender: Option<&str>,
        encryption: ContentEncryption,
        epk: PublicKey,
        kids: impl Iterator<Item = &'a str>,
    ) -> Self {
        let agreement = if sender.is_some() { Agreement::Ecdh1pu } else { Agreement::EcdhEs };
        let apu = sender.unwrap_or_default().as_bytes().to_vec();
        let apv = digest(kids.collect()).to_vec();
        Self { agreement, encryption, epk, sender: sender.map(str::to_owned), apu, apv }
    }

    /// The text of `protected`.
    pub(super) fn encode(&self) -> Result<String, EnvelopeError> {
        let header = Protected {
            typ: Some(MEDIA_TYPE_ENCRYPTED.to_owned()),
            alg: self.agreement.name().to_owned(),
            enc: self.encryption.name().to_owned(),
            skid: self.sender.clone(),
            apu: self.sender.is_some().then(|| encode(&self.apu)),
            apv: Some(encode(&self.apv)),
            epk: jwk(&self.epk).map_err(EnvelopeError::EphemeralKey)?,
            crit: None,
            zip: None,
        };
        super::pack::json(&header).map(encode)
    }

    /// Reads `protected`; it must be for the recipients with these kids.
    pub(super) fn decode<'a>(
        text: &str,
        kids: impl Iterator<Item = &'a str>,
    ) -> Result<Self, EnvelopeError> {
        let header = Protected::decode(text)?;
        let agreement = header.agreement()?;
        let encryption = header.encryption()?;
        let epk = ephemeral_key(&header.epk).map_err(EnvelopeError::EphemeralKey)?;
        let apv = header
            .apv
            .as_deref()
            .ok_or(missing("protected.apv", "it is the hash of the recipients' kids"))?;
        let apv = decode(apv, "protected.apv")?;
        if apv != digest(kids.collect()) {
            let rule =
                "it must be the SHA-256 hash of the recipients' kids, sorted and joined with dots";
            return Err(EnvelopeError::HeaderMismatch { header: "apv", rule });
        }
        let apu = match &header.apu {
            Some(apu) => decode(apu, "protected.apu")?,
            None => Vec::new(),
        };
        let sender = match agreement {
            Agreement::EcdhEs => None,
            Agreement::Ecdh1pu => Some(header.sender(&apu)?),
        };
        Ok(Self { agreement, encryption, epk, sender, apu, apv })
    }

    /// How the keys that wrap the content key are derived; `tag` is the content's.
    pub(super) fn derivation<'a>(&'a self, tag: &'a [u8]) -> KeyDerivation<'a> {
        KeyDerivation {
            algorithm: self.agreement.name(),
            apu: &self.apu,
            apv: &self.apv,
            tag: (self.agreement == Agreement::Ecdh1pu).then_some(tag),
        }
    }
}

impl Protected {
    fn decode(text: &str) -> Result<Self, EnvelopeError> {
        let json = decode(text, "protected")?;
        let header: Self = serde_json::from_slice(&json).map_err(|error| EnvelopeError::Json {
            what: "`protected`",
            reason: excerpt(&error.to_string()),
        })?;
        check_typ(header.typ.as_deref(), MEDIA_TYPE_ENCRYPTED)?;
        for (header, there) in [("crit", header.crit.is_some()), ("zip", header.zip.is_some())] {
            if there {
                return Err(not_understood(header));
            }
        }
        Ok(header)
    }

    fn agreement(&self) -> Result<Agreement, EnvelopeError> {
        [Agreement::EcdhEs, Agreement::Ecdh1pu]
            .into_iter()
            .find(|agreement| agreement.name() == self.alg)
            .ok_or_else(|| unknown("alg", &self.alg, "ECDH-ES+A256KW or ECDH-1PU+A256KW"))
    }

    fn encryption(&self) -> Result<ContentEncryption, EnvelopeError> {
        let encryption = ContentEncryption::from_name(&self.enc)
            .ok_or_else(|| unknown("enc", &self.enc, "A256CBC-HS512, A256GCM or XC20P"))?;
        let required = ContentEncryption::A256CbcHs512;
        if self.agreement()? == Agreement::Ecdh1pu && encryption != required {
            return Err(unknown("enc", &self.enc, "A256CBC-HS512, as alg is ECDH-1PU+A256KW"));
        }
        Ok(encryption)
    }

    /// The sender's kid, which the key derivation binds by `apu`, whatever `skid` says.
    fn sender(&self, apu: &[u8]) -> Result<String, EnvelopeError> {
        let expected = "it is the sender's kid in base64url";
        if self.apu.is_none() {
            return Err(missing("protected.apu", expected));
        }
        let kid = std::str::from_utf8(apu)
            .map_err(|_| EnvelopeError::Encoding { member: "protected.apu", expected: "UTF-8" })?;
        match &self.skid {
            Some(skid) if skid != kid => Err(EnvelopeError::HeaderMismatch {
                header: "apu",
                rule: "it must be the `skid` in base64url",
            }),
            _ => Ok(kid.to_owned()),
        }
    }
}

/// The `apv` of these recipients.
fn digest(mut kids: Vec<&str>) -> [u8; 32] {
    kids.sort_unstable();
    Sha256::digest(kids.join(".")).into()
}

fn jwk(key: &PublicKey) -> Result<Value, CryptoError> {
    let (x, y) = coordinates(key)?;
    let crv = key.key_type().to_string();
    Ok(match y {
        None => serde_json::json!({"kty": "OKP", "crv": crv, "x": encode(x)}),
        Some(y) => serde_json::json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)}),
    })
}

/// Both coordinates must be those of one point of the curve.
fn ephemeral_key(jwk: &Value) -> Result<PublicKey, CryptoError> {
    let key = PublicKey::from_jwk(jwk)?;
    let (_, y) = coordinates(&key)?;
    let given = jwk.get("y").and_then(Value::as_str);
    if y.is_some() && y != given.and_then(base64url::decode) {
        return Err(DidError::KeyOffCurve.into());
    }
    Ok(key)
}

/// The media type of a JWE or JWS, with `application/` or without it (RFC 7515, 4.1.9).
pub(super) fn check_typ(typ: Option<&str>, expected: &'static str) -> Result<(), EnvelopeError> {
    let short = expected.strip_prefix("application/").unwrap_or(expected);
    match typ {
        Some(typ) if !typ.eq_ignore_ascii_case(expected) && !typ.eq_ignore_ascii_case(short) => {
            Err(unknown("typ", typ, expected))
        }
        _ => Ok(()),
    }
}

pub(super) fn unknown(header: &'static str, actual: &str, expected: &'static str) -> EnvelopeError {
    EnvelopeError::Header { header, actual: excerpt(actual), expected }
}

pub(super) fn not_understood(header: &'static str) -> EnvelopeError {
    EnvelopeError::HeaderMismatch { header, rule: "it must not be there" }
}

pub(super) fn missing(header: &'static str, expected: &'static str) -> EnvelopeError {
    EnvelopeError::MissingHeader { header, expected }
}

pub(super) fn decode(text: &str, member: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    base64url::decode(text).ok_or(EnvelopeError::Encoding { member, expected: "any bytes" })
}
