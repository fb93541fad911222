//! DIDComm v2.

use std::borrow::Cow;
use std::sync::Arc;

use entente_did::PublicKey;
use entente_didcomm::envelope::v2::{self, Encrypted, Keys, NamedKey};
use entente_didcomm::envelope::{EnvelopeError, MAX_RECIPIENTS};
use entente_didcomm::primitives::{AgreementKey, ContentEncryption, CryptoError};

use super::Unpacked;
use crate::cache::{HeldKey, SharingKey};
use crate::error::KeystoreError;
use crate::keystore::Keystore;
use crate::private_key::PrivateKey;

const AGREEMENT_TYPES: &str = "X25519, P-256, P-384 and P-521";

/// What to pack as DIDComm v2, and in which layers.
pub(crate) struct PackV2<'a> {
    pub(crate) plaintext: &'a [u8],
    /// None for a message that is only signed.
    pub(crate) recipients: Vec<NamedKey>,
    pub(crate) sender: Option<NamedKey>,
    pub(crate) signer: Option<NamedKey>,
    pub(crate) protect_sender: bool,
    pub(crate) encryption: ContentEncryption,
}

/// The keys that a caller found behind the names in an envelope.
pub(crate) struct UnpackKeys {
    pub(crate) recipients: Vec<NamedKey>,
    pub(crate) senders: Vec<NamedKey>,
    pub(crate) signers: Vec<NamedKey>,
}

impl UnpackKeys {
    /// With these of ours.
    pub(super) fn others<'a>(
        &'a self,
        recipients: &'a [(&'a str, &'a dyn AgreementKey)],
    ) -> Keys<'a> {
        Keys { recipients, senders: &self.senders, signers: &self.signers }
    }
}

impl PackV2<'_> {
    fn check(&self) -> Result<(), KeystoreError> {
        let field = |field, problem: &str| Err(KeystoreError::field(field, problem));
        let alone = self.recipients.is_empty();
        if self.recipients.len() > MAX_RECIPIENTS {
            return field("recipients", "has too many keys; at most 64 are taken");
        }
        if alone && self.signer.is_none() {
            return field("recipients", "is empty; give the recipient's keys, or a signer");
        }
        if alone && self.sender.is_some() {
            return field("sender", "needs recipients to encrypt to");
        }
        if self.sender.is_some() && self.signer.is_some() {
            return field(
                "signer",
                "is not taken with a sender: one who is authenticated needs no signature",
            );
        }
        if self.protect_sender && self.sender.is_none() {
            return field("protect_sender", "needs a sender");
        }
        Ok(())
    }
}

impl Keystore {
    /// Packs as DIDComm v2.
    pub(crate) async fn pack_v2(
        &self,
        tenant: &str,
        request: PackV2<'_>,
    ) -> Result<Vec<u8>, KeystoreError> {
        request.check()?;
        self.check_size("plaintext", request.plaintext.len())?;
        let mut message = Cow::Borrowed(request.plaintext);
        if let Some(signer) = &request.signer {
            message = Cow::Owned(self.sign_message(tenant, signer, &message).await?);
        }
        if let Some(sender) = &request.sender {
            let held = self.held_by(tenant, sender.key, "sender.key").await?;
            let key =
                held.agreement().ok_or_else(|| not_for_agreement("sender.key", &held.public))?;
            let packed = v2::pack_authcrypt(
                &message,
                &sender.kid,
                &key,
                &request.recipients,
                &mut rand::rng(),
            );
            message = Cow::Owned(packed.map_err(pack_error)?);
        }
        let anoncrypt = request.sender.is_none() || request.protect_sender;
        if anoncrypt && !request.recipients.is_empty() {
            let packed = v2::pack_anoncrypt(
                &message,
                &request.recipients,
                request.encryption,
                &mut rand::rng(),
            );
            message = Cow::Owned(packed.map_err(pack_error)?);
        }
        Ok(message.into_owned())
    }

    async fn sign_message(
        &self,
        tenant: &str,
        signer: &NamedKey,
        message: &[u8],
    ) -> Result<Vec<u8>, KeystoreError> {
        let held = self.held_by(tenant, signer.key, "signer.key").await?;
        let PrivateKey::Ed25519(secret) = &held.secret else {
            return Err(KeystoreError::WrongKeyType {
                field: "signer.key".to_owned(),
                key_type: held.public.key_type(),
                purpose: "sign a message",
                expected: "Ed25519",
            });
        };
        v2::sign(message, &signer.kid, secret).map_err(KeystoreError::Pack)
    }

    /// Opens all layers with those of the given recipients' keys that are ours.
    pub(super) async fn unpack_v2(
        &self,
        envelope: &Encrypted,
        keys: &UnpackKeys,
    ) -> Result<Result<Unpacked, EnvelopeError>, KeystoreError> {
        let mut wanted: Vec<PublicKey> = keys.recipients.iter().map(|named| named.key).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let held = self.held(&wanted).await?;
        let owner = |key: &PublicKey| held.iter().find(|held: &&Arc<HeldKey>| held.public == *key);
        let ours: Vec<(&str, SharingKey<'_>)> = keys
            .recipients
            .iter()
            .filter_map(|named| Some((named.kid.as_str(), owner(&named.key)?.agreement()?)))
            .collect();
        let ours: Vec<(&str, &dyn AgreementKey)> =
            ours.iter().map(|(kid, key)| (*kid, key as &dyn AgreementKey)).collect();
        Ok(envelope.open(&keys.others(&ours)).map(|opened| {
            let recipient = opened.recipient.as_ref().and_then(|named| owner(&named.key));
            let tenant = recipient.map(|held| held.tenant.clone());
            Unpacked::V2 { opened, tenant }
        }))
    }
}

fn not_for_agreement(field: impl Into<String>, key: &PublicKey) -> KeystoreError {
    KeystoreError::WrongKeyType {
        field: field.into(),
        key_type: key.key_type(),
        purpose: "encrypt a DIDComm v2 envelope",
        expected: AGREEMENT_TYPES,
    }
}

fn pack_error(error: EnvelopeError) -> KeystoreError {
    let wrong = |field: String, source: CryptoError| match source {
        CryptoError::NotForAgreement(key_type) => KeystoreError::WrongKeyType {
            field,
            key_type,
            purpose: "receive a DIDComm v2 envelope",
            expected: AGREEMENT_TYPES,
        },
        CryptoError::CurveMismatch { ours, .. } if field == "sender.key" => {
            KeystoreError::WrongKeyType {
                field,
                key_type: ours,
                purpose: "encrypt to the recipients",
                expected: "a key of their curve",
            }
        }
        source => KeystoreError::field(field, source.to_string()),
    };
    match error {
        EnvelopeError::Recipient { index, source } => {
            wrong(format!("recipients[{index}].key"), source)
        }
        EnvelopeError::Sender(source) => wrong("sender.key".to_owned(), source),
        other => KeystoreError::Pack(other),
    }
}
