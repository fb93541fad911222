use entente_did::PublicKey;

use super::{RecipientBox, V1};
use crate::envelope::{AuthenticatedSender, EnvelopeError};
use crate::primitives::{ContentKey, CryptoError, StaticKey, seal_open};

/// An opened envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The message.
    pub plaintext: Vec<u8>,
    /// The key of ours that it was encrypted to.
    pub recipient: PublicKey,
    /// The key that it was proved to come from; `None` for an anoncrypted one.
    pub sender: Option<PublicKey>,
    authenticated: Option<AuthenticatedSender>,
}

impl Opened {
    /// The proof of the sender: the same key as `sender`, in a type that nothing else makes.
    pub fn authenticated_sender(&self) -> Option<AuthenticatedSender> {
        self.authenticated
    }
}

/// Without the plaintext.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("plaintext", &format_args!("{} bytes", self.plaintext.len()))
            .field("recipient", &self.recipient)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

impl V1 {
    /// Opens the envelope with the secret of `recipient`, one of [`V1::recipients`].
    ///
    /// # Errors
    /// [`EnvelopeError::NotARecipient`]; otherwise [`EnvelopeError::Decryption`], whatever was wrong.
    pub fn open(
        &self,
        recipient: &PublicKey,
        secret: &impl StaticKey,
    ) -> Result<Opened, EnvelopeError> {
        let (_, boxed) = self
            .keys
            .iter()
            .zip(&self.boxes)
            .find(|(key, _)| *key == recipient)
            .ok_or(EnvelopeError::NotARecipient)?;
        let (plaintext, sender) =
            self.decrypt(boxed, secret).map_err(|_| EnvelopeError::Decryption)?;
        Ok(Opened {
            plaintext,
            recipient: *recipient,
            sender,
            authenticated: sender.map(AuthenticatedSender::proved),
        })
    }

    fn decrypt(
        &self,
        boxed: &RecipientBox,
        secret: &impl StaticKey,
    ) -> Result<(Vec<u8>, Option<PublicKey>), CryptoError> {
        let (content_key, sender) = match &boxed.sender {
            None => (seal_open(&boxed.encrypted_key, secret.agreement())?, None),
            Some((sealed_sender, nonce)) => {
                let text = seal_open(sealed_sender, secret.agreement())?;
                let text = std::str::from_utf8(&text).map_err(|_| CryptoError::Decryption)?;
                let sender = PublicKey::from_base58_ed25519(text)?;
                let box_key = secret.box_key(&sender)?;
                (box_key.decrypt(&boxed.encrypted_key, nonce)?, Some(sender))
            }
        };
        let content_key = ContentKey::from_bytes(&content_key)?;
        let plaintext = content_key.decrypt(&self.content, self.protected.as_bytes())?;
        Ok((plaintext, sender))
    }
}
