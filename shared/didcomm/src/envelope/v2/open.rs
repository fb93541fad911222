use super::{Encrypted, Keys, NamedKey, find};
use crate::envelope::EnvelopeError;
use crate::primitives::{AgreementKey, CryptoError};

/// What one layer of encryption held, and whom it proves.
pub(super) struct Decrypted {
    pub(super) plaintext: Vec<u8>,
    pub(super) recipient: NamedKey,
    pub(super) sender: Option<NamedKey>,
}

impl Encrypted {
    /// Opens this layer with the first of its recipients' keys that is given: one key, so that an envelope that names
    /// many costs no more.
    pub(super) fn decrypt(&self, keys: &Keys<'_>) -> Result<Decrypted, EnvelopeError> {
        let (recipient, ours) = self
            .recipients
            .iter()
            .find_map(|recipient| {
                let ours = keys.recipients.iter().find(|(kid, _)| *kid == recipient.kid)?;
                Some((recipient, ours.1))
            })
            .ok_or(EnvelopeError::NotARecipient)?;
        let sender = match self.sender_kid() {
            None => None,
            Some(kid) => Some(NamedKey::new(
                kid,
                find(keys.senders, kid)
                    .ok_or_else(|| EnvelopeError::UnknownSender(kid.to_owned()))?,
            )),
        };
        let plaintext = self
            .decrypt_content(&recipient.wrapped, ours, sender.as_ref())
            .map_err(|_| EnvelopeError::Decryption)?;
        let recipient = NamedKey::new(recipient.kid.clone(), ours.public());
        Ok(Decrypted { plaintext, recipient, sender })
    }

    fn decrypt_content(
        &self,
        wrapped: &[u8],
        ours: &dyn AgreementKey,
        sender: Option<&NamedKey>,
    ) -> Result<Vec<u8>, CryptoError> {
        let encryption = self.header.encryption;
        let ephemeral = ours.agree(&self.header.epk)?;
        let fixed = sender.map(|sender| ours.agree_static(&sender.key)).transpose()?;
        let cek = self
            .header
            .derivation(&self.content.tag)
            .derive(&ephemeral, fixed.as_ref())
            .unwrap(wrapped, encryption.key_len())?;
        encryption.decrypt(&cek, &self.content, self.protected.as_bytes())
    }
}
