//! An encrypted message: JWE in JSON, general or flattened (RFC 7516, 7.2).

use serde::Deserialize;

use super::Layer;
use super::header::{Agreement, Header, decode, missing};
use crate::envelope::{EnvelopeError, MAX_RECIPIENTS, member};
use crate::primitives::{EncryptedContent, WRAP_OVERHEAD};

/// A parsed encrypted message.
#[derive(Debug, Clone)]
pub struct Encrypted {
    /// As received: the additional authenticated data.
    pub(super) protected: String,
    pub(super) header: Header,
    pub(super) recipients: Vec<Recipient>,
    pub(super) content: EncryptedContent,
}

/// The content key for one recipient.
#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) kid: String,
    pub(super) wrapped: Vec<u8>,
}

/// The members of the envelope.
#[derive(Deserialize)]
pub(in crate::envelope) struct Members {
    protected: Option<String>,
    iv: Option<String>,
    ciphertext: Option<String>,
    tag: Option<String>,
    recipients: Option<Vec<RecipientMember>>,
    // The one recipient of the flattened serialisation.
    encrypted_key: Option<String>,
    header: Option<RecipientHeader>,
}

#[derive(Deserialize)]
struct RecipientMember {
    encrypted_key: Option<String>,
    header: Option<RecipientHeader>,
}

#[derive(Deserialize)]
struct RecipientHeader {
    kid: Option<String>,
}

impl Encrypted {
    /// The names of the keys that it says it is for, in its order: at least one.
    pub fn recipient_kids(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().map(|recipient| recipient.kid.as_str())
    }

    /// The name of the key that it claims to be from: `skid`, or what `apu` holds. `None` if it is anoncrypted; there
    /// may be a sender within.
    pub fn sender_kid(&self) -> Option<&str> {
        self.header.sender.as_deref()
    }

    /// Anoncrypt or authcrypt.
    pub fn layer(&self) -> Layer {
        match self.header.agreement {
            Agreement::EcdhEs => Layer::Anoncrypt,
            Agreement::Ecdh1pu => Layer::Authcrypt,
        }
    }

    pub(in crate::envelope) fn decode(members: Members) -> Result<Self, EnvelopeError> {
        let protected = member(members.protected, "protected")?;
        let flattened =
            RecipientMember { encrypted_key: members.encrypted_key, header: members.header };
        let recipients = members.recipients.unwrap_or_else(|| vec![flattened]);
        let actual = recipients.len();
        if actual == 0 {
            return Err(EnvelopeError::NoRecipients);
        }
        if actual > MAX_RECIPIENTS {
            return Err(EnvelopeError::TooManyRecipients { limit: MAX_RECIPIENTS, actual });
        }
        let recipients =
            recipients.into_iter().map(RecipientMember::decode).collect::<Result<Vec<_>, _>>()?;
        let header = Header::decode(&protected, recipients.iter().map(|r| r.kid.as_str()))?;
        let encryption = header.encryption;
        let wrapped_len = encryption.key_len() + WRAP_OVERHEAD;
        if recipients.iter().any(|recipient| recipient.wrapped.len() != wrapped_len) {
            let expected = "a wrapped key as long as enc needs it";
            return Err(EnvelopeError::Encoding { member: "encrypted_key", expected });
        }
        let content = EncryptedContent {
            iv: sized(members.iv, "iv", encryption.iv_len())?,
            ciphertext: decode(&member(members.ciphertext, "ciphertext")?, "ciphertext")?,
            tag: sized(members.tag, "tag", encryption.tag_len())?,
        };
        Ok(Self { protected, header, recipients, content })
    }
}

impl RecipientMember {
    fn decode(self) -> Result<Recipient, EnvelopeError> {
        let kid = self
            .header
            .and_then(|header| header.kid)
            .ok_or(missing("recipients.header.kid", "it is the DID URL of the recipient's key"))?;
        let wrapped = decode(&member(self.encrypted_key, "encrypted_key")?, "encrypted_key")?;
        Ok(Recipient { kid, wrapped })
    }
}

fn sized(text: Option<String>, name: &'static str, len: usize) -> Result<Vec<u8>, EnvelopeError> {
    let bytes = decode(&member(text, name)?, name)?;
    if bytes.len() == len {
        return Ok(bytes);
    }
    Err(EnvelopeError::Encoding { member: name, expected: "as many bytes as enc needs" })
}
