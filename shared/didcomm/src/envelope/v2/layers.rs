//! The layers of a message, opened from the outside in.

use super::{Encrypted, Keys, NamedKey, Signed, same_did};
use crate::envelope::error::excerpt;
use crate::envelope::kind::Kind;
use crate::envelope::{AuthenticatedSender, Envelope, EnvelopeError};

/// One wrapping of a message, in the order in which they may be in each other, from the outside in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Encrypted by nobody in particular.
    Anoncrypt,
    /// Encrypted by its sender, as only the sender and the recipient can.
    Authcrypt,
    /// Signed.
    Signed,
}

impl Layer {
    fn name(self) -> &'static str {
        match self {
            Self::Anoncrypt => "anoncrypt",
            Self::Authcrypt => "authcrypt",
            Self::Signed => "a signature",
        }
    }
}

/// A message out of all its layers, and whom they prove. That the message itself names these is not checked
/// ([`check_addressing`](super::check_addressing)).
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The message.
    pub plaintext: Vec<u8>,
    /// The key of ours that the innermost encryption was to; `None` if the message was only signed.
    pub recipient: Option<NamedKey>,
    /// The key that it was authcrypted with.
    pub sender: Option<NamedKey>,
    /// The key that it was signed with; with several signatures, the first, and the others are of its DID.
    pub signer: Option<NamedKey>,
    /// The layers, outermost first.
    pub layers: Vec<Layer>,
}

impl Opened {
    /// The proof of the sender: the same key as `sender`, in a type that nothing else makes.
    pub fn authenticated_sender(&self) -> Option<AuthenticatedSender> {
        self.sender.as_ref().map(|sender| AuthenticatedSender::proved(sender.key))
    }
}

/// Without the plaintext.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("plaintext", &format_args!("{} bytes", self.plaintext.len()))
            .field("recipient", &self.recipient)
            .field("sender", &self.sender)
            .field("signer", &self.signer)
            .field("layers", &self.layers)
            .finish()
    }
}

impl Encrypted {
    /// Opens all layers.
    ///
    /// # Errors
    /// [`EnvelopeError::NotARecipient`]; [`EnvelopeError::UnknownSender`] or [`EnvelopeError::UnknownSigners`], when a
    /// key must be resolved and given; [`EnvelopeError::Decryption`] for whatever fails to decrypt or verify;
    /// [`EnvelopeError::Nesting`], [`EnvelopeError::LayerMismatch`], or what is wrong with an inner envelope.
    pub fn open(&self, keys: &Keys<'_>) -> Result<Opened, EnvelopeError> {
        let mut opening = Opening::new(keys);
        let plaintext = opening.encrypted(self)?;
        opening.inner(plaintext)
    }
}

impl Signed {
    /// Verifies the signatures.
    ///
    /// # Errors
    /// [`EnvelopeError::UnknownSigners`], when keys must be resolved and given; [`EnvelopeError::Decryption`] for a
    /// signature that does not verify; [`EnvelopeError::Nesting`] for anything but a plaintext within;
    /// [`EnvelopeError::LayerMismatch`].
    pub fn open(&self, keys: &Keys<'_>) -> Result<Opened, EnvelopeError> {
        let mut opening = Opening::new(keys);
        let plaintext = opening.signed(self)?;
        opening.inner(plaintext)
    }
}

/// What the layers so far have proved.
struct Opening<'a> {
    keys: &'a Keys<'a>,
    opened: Opened,
}

impl<'a> Opening<'a> {
    fn new(keys: &'a Keys<'a>) -> Self {
        let (plaintext, layers) = (Vec::new(), Vec::new());
        let opened = Opened { plaintext, recipient: None, sender: None, signer: None, layers };
        Self { keys, opened }
    }

    /// Opens what is within, which is at most two layers more, as each must be another than those around it.
    fn inner(mut self, mut plaintext: Vec<u8>) -> Result<Opened, EnvelopeError> {
        while let Ok(Kind::Encrypted | Kind::Signed | Kind::V1) = Kind::of(&plaintext) {
            plaintext = match Envelope::peek(&plaintext)? {
                Envelope::V2(encrypted) => self.encrypted(&encrypted)?,
                Envelope::Signed(signed) => self.signed(&signed)?,
                Envelope::V1(_) => return Err(self.nesting("a DIDComm v1 envelope")),
            };
        }
        Ok(Opened { plaintext, ..self.opened })
    }

    fn encrypted(&mut self, encrypted: &Encrypted) -> Result<Vec<u8>, EnvelopeError> {
        self.enter(encrypted.layer())?;
        let decrypted = encrypted.decrypt(self.keys)?;
        if let Some(outer) = &self.opened.recipient {
            of_one_did("both layers must be for one recipient", outer, &decrypted.recipient)?;
        }
        self.opened.recipient = Some(decrypted.recipient);
        self.opened.sender = decrypted.sender;
        Ok(decrypted.plaintext)
    }

    fn signed(&mut self, signed: &Signed) -> Result<Vec<u8>, EnvelopeError> {
        self.enter(Layer::Signed)?;
        let signer = signed.verify(self.keys.signers)?;
        if let Some(sender) = &self.opened.sender {
            of_one_did("the signer must be the sender", sender, &signer)?;
        }
        self.opened.signer = Some(signer);
        Ok(signed.payload().to_vec())
    }

    fn enter(&mut self, layer: Layer) -> Result<(), EnvelopeError> {
        if self.opened.layers.last().is_some_and(|outer| *outer >= layer) {
            return Err(self.nesting(layer.name()));
        }
        self.opened.layers.push(layer);
        Ok(())
    }

    fn nesting(&self, inner: &'static str) -> EnvelopeError {
        let outer = self.opened.layers.last().map_or("nothing", |layer| layer.name());
        EnvelopeError::Nesting { outer, inner }
    }
}

pub(super) fn of_one_did(
    rule: &'static str,
    left: &NamedKey,
    right: &NamedKey,
) -> Result<(), EnvelopeError> {
    if same_did(&left.kid, &right.kid) {
        return Ok(());
    }
    let (left, right) = (excerpt(&left.kid), excerpt(&right.kid));
    Err(EnvelopeError::LayerMismatch { rule, left, right })
}
