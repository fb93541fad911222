use entente_did::PublicKey;

/// The key that an authcrypted envelope was proved to come from.
///
/// Only opening such an envelope makes one, so that a function that takes it cannot be called with a
/// key that a message merely names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthenticatedSender(PublicKey);

impl AuthenticatedSender {
    pub(super) fn proved(key: PublicKey) -> Self {
        Self(key)
    }

    /// Takes the keystore's word: the sender in the answer of its `Unpack`, which opened the envelope
    /// on the other side of the seam. Nothing else may call this, and never with a key read from a message.
    pub fn from_keystore_answer(key: PublicKey) -> Self {
        Self(key)
    }

    /// The key, Ed25519 in DIDComm v1.
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}
