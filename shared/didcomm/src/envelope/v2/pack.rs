use rand_core::CryptoRng;
use serde::Serialize;

use super::NamedKey;
use super::header::Header;
use crate::base64url::encode;
use crate::envelope::{EnvelopeError, MAX_RECIPIENTS};
use crate::primitives::{AgreementKey, AgreementSecret, Cek, ContentEncryption, CryptoError};

#[derive(Serialize)]
struct Packed<'a> {
    protected: &'a str,
    recipients: Vec<Recipient<'a>>,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Serialize)]
struct Recipient<'a> {
    header: RecipientHeader<'a>,
    encrypted_key: String,
}

#[derive(Serialize)]
struct RecipientHeader<'a> {
    kid: &'a str,
}

/// Encrypts for the keys of one recipient, which must be of one curve, so that each can prove who sent it (authcrypt).
/// `sender_kid` is the DID URL of `sender`. Returns the envelope's JSON.
///
/// # Errors
/// [`EnvelopeError::NoRecipients`], [`EnvelopeError::TooManyRecipients`]; [`EnvelopeError::Recipient`] for a key that is
/// not usable or of another curve; [`EnvelopeError::Sender`] if the sender's is.
pub fn pack_authcrypt(
    plaintext: &[u8],
    sender_kid: &str,
    sender: &dyn AgreementKey,
    recipients: &[NamedKey],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    let curve = first(recipients)?.key.key_type();
    let public = sender.public().key_type();
    if public != curve {
        let mismatch = CryptoError::CurveMismatch { ours: public, theirs: curve };
        return Err(EnvelopeError::Sender(mismatch));
    }
    let encryption = ContentEncryption::A256CbcHs512;
    pack(plaintext, Some((sender_kid, sender)), recipients, encryption, rng)
}

/// Encrypts for the keys of one recipient, which must be of one curve, without saying who sent it (anoncrypt). Returns
/// the envelope's JSON.
///
/// # Errors
/// As [`pack_authcrypt`].
pub fn pack_anoncrypt(
    plaintext: &[u8],
    recipients: &[NamedKey],
    encryption: ContentEncryption,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    pack(plaintext, None, recipients, encryption, rng)
}

fn pack(
    plaintext: &[u8],
    sender: Option<(&str, &dyn AgreementKey)>,
    recipients: &[NamedKey],
    encryption: ContentEncryption,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    let curve = first(recipients)?.key.key_type();
    let ephemeral = AgreementSecret::random(curve, rng)
        .map_err(|source| EnvelopeError::Recipient { index: 0, source })?;
    let kids = recipients.iter().map(|recipient| recipient.kid.as_str());
    let header = Header::new(sender.map(|(kid, _)| kid), encryption, ephemeral.public(), kids);
    let protected = header.encode()?;
    let cek = Cek::random(encryption, rng);
    // The content first: authcrypt derives the wrapping keys from its tag.
    let content = encryption
        .encrypt(&cek, plaintext, protected.as_bytes(), rng)
        .map_err(|_| EnvelopeError::TooLarge)?;
    let derivation = header.derivation(&content.tag);
    let mut packed = Vec::with_capacity(recipients.len());
    for (index, NamedKey { kid, key }) in recipients.iter().enumerate() {
        let wrapped = ephemeral.agree(key).and_then(|shared| {
            let fixed = sender.map(|(_, sender)| sender.agree_static(key)).transpose()?;
            derivation.derive(&shared, fixed.as_ref()).wrap(&cek)
        });
        let wrapped = wrapped.map_err(|source| EnvelopeError::Recipient { index, source })?;
        packed.push(Recipient { header: RecipientHeader { kid }, encrypted_key: encode(wrapped) });
    }
    json(&Packed {
        protected: &protected,
        recipients: packed,
        iv: encode(&content.iv),
        ciphertext: encode(&content.ciphertext),
        tag: encode(&content.tag),
    })
}

fn first(recipients: &[NamedKey]) -> Result<&NamedKey, EnvelopeError> {
    let actual = recipients.len();
    if actual > MAX_RECIPIENTS {
        return Err(EnvelopeError::TooManyRecipients { limit: MAX_RECIPIENTS, actual });
    }
    recipients.first().ok_or(EnvelopeError::NoRecipients)
}

/// Structs of strings always serialise; the error is for the type's sake.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, EnvelopeError> {
    serde_json::to_vec(value).map_err(|error| EnvelopeError::Json {
        what: "the packed envelope",
        reason: error.to_string(),
    })
}
