//! What `protected` decodes to.

use entente_did::PublicKey;
use serde::{Deserialize, Serialize};

use super::{RecipientBox, array, bytes};
use crate::base64url;
use crate::envelope::EnvelopeError;
use crate::envelope::error::excerpt;

pub(super) const TYP: &str = "JWM/1.0";
pub(super) const ENC: &str = "xchacha20poly1305_ietf";
/// How one listing of the RFC spells [`ENC`].
const ENC_LISTING: &str = "xchachapoly1305_ietf";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Authcrypt,
    Anoncrypt,
}

impl Algorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authcrypt => "Authcrypt",
            Self::Anoncrypt => "Anoncrypt",
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Protected {
    pub(super) enc: String,
    pub(super) typ: String,
    pub(super) alg: String,
    pub(super) recipients: Vec<Recipient>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Recipient {
    pub(super) encrypted_key: String,
    pub(super) header: RecipientHeader,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RecipientHeader {
    pub(super) kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iv: Option<String>,
}

impl Protected {
    pub(super) fn decode(text: &str) -> Result<Self, EnvelopeError> {
        let json = base64url::decode(text)
            .ok_or(EnvelopeError::Encoding { member: "protected", expected: "JSON" })?;
        serde_json::from_slice(&json).map_err(|error| EnvelopeError::Json {
            what: "`protected`",
            reason: excerpt(&error.to_string()),
        })
    }

    pub(super) fn algorithm(&self) -> Result<Algorithm, EnvelopeError> {
        let unknown = |header, actual: &str, expected| EnvelopeError::Header {
            header,
            actual: excerpt(actual),
            expected,
        };
        if self.typ != TYP {
            return Err(unknown("typ", &self.typ, TYP));
        }
        if self.enc != ENC && self.enc != ENC_LISTING {
            return Err(unknown("enc", &self.enc, ENC));
        }
        // The RFC's schema writes them in lower case, its samples do not.
        match self.alg.to_ascii_lowercase().as_str() {
            "authcrypt" => Ok(Algorithm::Authcrypt),
            "anoncrypt" => Ok(Algorithm::Anoncrypt),
            _ => Err(unknown("alg", &self.alg, "Authcrypt or Anoncrypt")),
        }
    }
}

impl Recipient {
    pub(super) fn key(&self, index: usize) -> Result<PublicKey, EnvelopeError> {
        PublicKey::from_base58_ed25519(&self.header.kid)
            .map_err(|source| EnvelopeError::RecipientKey { index, source })
    }

    pub(super) fn decode(
        &self,
        index: usize,
        algorithm: Algorithm,
    ) -> Result<RecipientBox, EnvelopeError> {
        let encrypted_key = bytes(&self.encrypted_key, "encrypted_key")?;
        let sender = match (algorithm, &self.header.sender, &self.header.iv) {
            (Algorithm::Anoncrypt, None, None) => None,
            (Algorithm::Authcrypt, Some(sender), Some(iv)) => {
                Some((bytes(sender, "sender")?, array(iv, "header.iv", "24 bytes")?))
            }
            _ => return Err(EnvelopeError::SenderMismatch { index }),
        };
        Ok(RecipientBox { encrypted_key, sender })
    }
}
