//! A signed message: JWS in JSON, general or flattened (RFC 7515, 7.2).

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::header::{check_typ, decode, missing, not_understood, unknown};
use super::layers::of_one_did;
use super::pack::json;
use super::{MAX_SIGNATURES, MEDIA_TYPE_SIGNED, NamedKey, find};
use crate::base64url::{self, encode};
use crate::envelope::error::excerpt;
use crate::envelope::{EnvelopeError, member as required};
use crate::primitives::{Ed25519Secret, SignatureAlgorithm};

/// A parsed signed message.
#[derive(Debug, Clone)]
pub struct Signed {
    /// As received: what is signed.
    text: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone)]
struct Signature {
    /// As received: what is signed.
    protected: String,
    algorithm: SignatureAlgorithm,
    kid: String,
    signature: [u8; 64],
}

/// The members of the envelope.
#[derive(Deserialize)]
pub(in crate::envelope) struct Members {
    payload: Option<String>,
    signatures: Option<Vec<SignatureMember>>,
    // The one signature of the flattened serialisation.
    protected: Option<String>,
    signature: Option<String>,
    header: Option<Unprotected>,
}

#[derive(Serialize, Deserialize)]
struct SignatureMember {
    protected: Option<String>,
    signature: Option<String>,
    header: Option<Unprotected>,
}

#[derive(Serialize, Deserialize)]
struct Unprotected {
    kid: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Protected {
    typ: Option<String>,
    alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    // Not written, nor understood; b64 comes with it (RFC 7797).
    #[serde(skip_serializing)]
    crit: Option<IgnoredAny>,
}

impl Signed {
    /// The names of the keys that it says it is signed with, in its order: at least one.
    pub fn signer_kids(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|signature| signature.kid.as_str())
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(in crate::envelope) fn decode(members: Members) -> Result<Self, EnvelopeError> {
        let text = required(members.payload, "payload")?;
        let payload = decode(&text, "payload")?;
        let flattened = SignatureMember {
            protected: members.protected,
            signature: members.signature,
            header: members.header,
        };
        let members = members.signatures.unwrap_or_else(|| vec![flattened]);
        let actual = members.len();
        if actual == 0 || actual > MAX_SIGNATURES {
            return Err(EnvelopeError::Signatures { limit: MAX_SIGNATURES, actual });
        }
        let signatures = members.into_iter().map(Signature::decode).collect::<Result<_, _>>()?;
        Ok(Self { text, payload, signatures })
    }

    /// Checks every signature, and that all are of one DID. Gives the first signer.
    pub(super) fn verify(&self, keys: &[NamedKey]) -> Result<NamedKey, EnvelopeError> {
        let unknown: Vec<_> =
            self.signer_kids().filter(|kid| find(keys, kid).is_none()).map(str::to_owned).collect();
        if !unknown.is_empty() {
            return Err(EnvelopeError::UnknownSigners(unknown));
        }
        let mut first: Option<NamedKey> = None;
        for signature in &self.signatures {
            let key = find(keys, &signature.kid).ok_or(EnvelopeError::Decryption)?;
            let signer = NamedKey::new(signature.kid.clone(), key);
            let message = format!("{}.{}", signature.protected, self.text);
            signature
                .algorithm
                .verify(&key, message.as_bytes(), &signature.signature)
                .map_err(|_| EnvelopeError::Decryption)?;
            match &first {
                None => first = Some(signer),
                Some(first) => of_one_did("all must have one signer", first, &signer)?,
            }
        }
        first.ok_or(EnvelopeError::Decryption)
    }
}

impl Signature {
    fn decode(member: SignatureMember) -> Result<Self, EnvelopeError> {
        let text = required(member.protected, "protected")?;
        let json = decode(&text, "protected")?;
        let protected: Protected =
            serde_json::from_slice(&json).map_err(|error| EnvelopeError::Json {
                what: "`protected` of a signature",
                reason: excerpt(&error.to_string()),
            })?;
        check_typ(protected.typ.as_deref(), MEDIA_TYPE_SIGNED)?;
        if protected.crit.is_some() {
            return Err(not_understood("crit"));
        }
        let algorithm = SignatureAlgorithm::from_name(&protected.alg)
            .ok_or_else(|| unknown("alg", &protected.alg, "EdDSA, ES256 or ES256K"))?;
        // The text of the specification has it in one, its examples in the other.
        let kid = match (protected.kid, member.header.and_then(|header| header.kid)) {
            (Some(one), Some(other)) if one != other => {
                let rule = "it must be the same in `header`";
                return Err(EnvelopeError::HeaderMismatch { header: "kid", rule });
            }
            (one, other) => one
                .or(other)
                .ok_or(missing("kid of a signature", "it is the DID URL of the signer's key"))?,
        };
        let signature = required(member.signature, "signature")?;
        let signature = base64url::decode_array(&signature)
            .ok_or(EnvelopeError::Encoding { member: "signature", expected: "64 bytes" })?;
        Ok(Self { protected: text, algorithm, kid, signature })
    }
}

/// Signs a message with EdDSA, under the DID URL of the key. Returns the JSON, in the general serialisation.
///
/// # Errors
/// None in practice.
pub fn sign(plaintext: &[u8], kid: &str, secret: &Ed25519Secret) -> Result<Vec<u8>, EnvelopeError> {
    #[derive(Serialize)]
    struct Packed {
        payload: String,
        signatures: [SignatureMember; 1],
    }
    let header = Protected {
        typ: Some(MEDIA_TYPE_SIGNED.to_owned()),
        alg: SignatureAlgorithm::EdDsa.name().to_owned(),
        kid: None,
        crit: None,
    };
    let (protected, payload) = (encode(json(&header)?), encode(plaintext));
    let signature = secret.sign(format!("{protected}.{payload}").as_bytes());
    let signature = SignatureMember {
        protected: Some(protected),
        signature: Some(encode(signature)),
        // Unprotected as in the specification's examples, for those who read it there only.
        header: Some(Unprotected { kid: Some(kid.to_owned()) }),
    };
    json(&Packed { payload, signatures: [signature] })
}
