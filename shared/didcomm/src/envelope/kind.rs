use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a text is, by the members that only this kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of a v1 envelope everything is in `protected`.
    V1,
    Encrypted,
    Signed,
    Plaintext,
    Unknown,
}

#[derive(Deserialize)]
struct Members {
    ciphertext: Option<IgnoredAny>,
    recipients: Option<IgnoredAny>,
    encrypted_key: Option<IgnoredAny>,
    payload: Option<IgnoredAny>,
    signatures: Option<IgnoredAny>,
    signature: Option<IgnoredAny>,
    #[serde(rename = "type")]
    v2_type: Option<IgnoredAny>,
    #[serde(rename = "@type")]
    v1_type: Option<IgnoredAny>,
}

impl Kind {
    pub(super) fn of(json: &[u8]) -> Result<Self, serde_json::Error> {
        let has: Members = serde_json::from_slice(json)?;
        Ok(if has.ciphertext.is_some() {
            match (has.recipients, has.encrypted_key) {
                (None, None) => Self::V1,
                _ => Self::Encrypted,
            }
        } else if has.payload.is_some() && (has.signatures.is_some() || has.signature.is_some()) {
            Self::Signed
        } else if has.v2_type.is_some() || has.v1_type.is_some() {
            Self::Plaintext
        } else {
            Self::Unknown
        })
    }
}
