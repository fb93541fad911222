//! DIDComm v1.

use entente_did::PublicKey;
use entente_didcomm::envelope::{EnvelopeError, MAX_RECIPIENTS, V1, v1};
use entente_didcomm::primitives::CryptoError;

use super::Unpacked;
use crate::error::KeystoreError;
use crate::keystore::{Keystore, parse_key};

impl Keystore {
    /// Packs as DIDComm v1. Without a sender the envelope is anonymous.
    pub(crate) async fn pack_v1(
        &self,
        tenant: &str,
        plaintext: &[u8],
        recipients: &[String],
        sender: Option<&str>,
    ) -> Result<Vec<u8>, KeystoreError> {
        self.check_size("plaintext", plaintext.len())?;
        let actual = recipients.len();
        if actual > MAX_RECIPIENTS {
            let limit = MAX_RECIPIENTS;
            return Err(pack_error(EnvelopeError::TooManyRecipients { limit, actual }));
        }
        let recipients = recipients
            .iter()
            .enumerate()
            .map(|(index, text)| parse_key(&recipient_field(index), text))
            .collect::<Result<Vec<_>, _>>()?;
        let packed = match sender {
            None => v1::pack_anoncrypt(plaintext, &recipients, &mut rand::rng()),
            Some(text) => {
                let held =
                    self.held_by(tenant, parse_key("sender_key", text)?, "sender_key").await?;
                let sender = held.packing().ok_or_else(|| KeystoreError::WrongKeyType {
                    field: "sender_key".to_owned(),
                    key_type: held.public.key_type(),
                    purpose: "send a DIDComm v1 envelope",
                    expected: "Ed25519",
                })?;
                v1::pack_authcrypt(plaintext, &sender, &recipients, &mut rand::rng())
            }
        };
        packed.map_err(pack_error)
    }

    pub(super) async fn unpack_v1(&self, envelope: &V1) -> Result<Unpacked, KeystoreError> {
        let recipients = distinct(envelope.recipients());
        for held in self.held(&recipients).await? {
            let opened = held.packing().and_then(|key| envelope.open(&held.public, &key).ok());
            if let Some(opened) = opened {
                return Ok(Unpacked::V1 { opened, tenant: held.tenant.clone() });
            }
        }
        Err(KeystoreError::Undecryptable)
    }
}

fn distinct(keys: &[PublicKey]) -> Vec<PublicKey> {
    let mut distinct = Vec::with_capacity(keys.len());
    for key in keys {
        if !distinct.contains(key) {
            distinct.push(*key);
        }
    }
    distinct
}

fn recipient_field(index: usize) -> String {
    format!("recipient_keys[{index}]")
}

fn pack_error(error: EnvelopeError) -> KeystoreError {
    match error {
        EnvelopeError::NoRecipients | EnvelopeError::TooManyRecipients { .. } => {
            KeystoreError::field("recipient_keys", error.to_string())
        }
        EnvelopeError::Recipient { index, source: CryptoError::NotEd25519(key_type) } => {
            KeystoreError::WrongKeyType {
                field: recipient_field(index),
                key_type,
                purpose: "receive a DIDComm v1 envelope",
                expected: "Ed25519",
            }
        }
        EnvelopeError::Recipient { index, source } => {
            KeystoreError::field(recipient_field(index), source.to_string())
        }
        other => KeystoreError::Pack(other),
    }
}
