//! Packing and unpacking.

mod v1;
mod v2;

pub(crate) use v2::{PackV2, UnpackKeys};

use entente_didcomm::envelope::{self, Envelope, EnvelopeError};

use super::Keystore;
use crate::error::KeystoreError;

/// What became of an envelope.
pub(crate) enum Unpacked {
    V1 {
        opened: envelope::Opened,
        /// The owner of the key that opened it.
        tenant: String,
    },
    V2 {
        opened: envelope::v2::Opened,
        /// The owner of the key that opened it; `None` if it was only signed.
        tenant: Option<String>,
    },
    /// The sender's key is not among those that were given.
    UnknownSender(String),
    /// Nor those of the signers.
    UnknownSigners(Vec<String>),
}

impl Keystore {
    /// Opens an envelope with the first of its recipients' keys that is ours and opens it. `keys` are for DIDComm v2.
    pub(crate) async fn unpack(
        &self,
        envelope: &[u8],
        keys: UnpackKeys,
    ) -> Result<Unpacked, KeystoreError> {
        self.check_size("envelope", envelope.len())?;
        let unpacked = match Envelope::peek(envelope).map_err(KeystoreError::MalformedEnvelope)? {
            Envelope::V1(envelope) => return self.unpack_v1(&envelope).await,
            Envelope::V2(encrypted) => self.unpack_v2(&encrypted, &keys).await?,
            Envelope::Signed(signed) => {
                signed.open(&keys.others(&[])).map(|opened| Unpacked::V2 { opened, tenant: None })
            }
            _ => return Err(KeystoreError::Undecryptable),
        };
        unpacked.or_else(|error| match error {
            EnvelopeError::UnknownSender(kid) => Ok(Unpacked::UnknownSender(kid)),
            EnvelopeError::UnknownSigners(kids) => Ok(Unpacked::UnknownSigners(kids)),
            EnvelopeError::NotARecipient | EnvelopeError::Decryption => {
                Err(KeystoreError::Undecryptable)
            }
            other => Err(KeystoreError::MalformedEnvelope(other)),
        })
    }
}
