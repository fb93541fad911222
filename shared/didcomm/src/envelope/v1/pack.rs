use entente_did::PublicKey;
use rand_core::CryptoRng;
use serde::Serialize;

use super::header::{Algorithm, ENC, Protected, Recipient, RecipientHeader, TYP};
use crate::base64url::encode;
use crate::envelope::{EnvelopeError, MAX_RECIPIENTS};
use crate::primitives::{ContentKey, CryptoError, StaticKey, seal};

#[derive(Serialize)]
struct Packed<'a> {
    protected: &'a str,
    iv: String,
    ciphertext: String,
    tag: String,
}

/// Packs for the recipients so that each can prove who sent it (RFC 0019 "Authcrypt"). Returns the
/// envelope's JSON.
///
/// # Errors
/// [`EnvelopeError::NoRecipients`], [`EnvelopeError::TooManyRecipients`], or
/// [`EnvelopeError::Recipient`] for a key that is not a usable Ed25519 key.
pub fn pack_authcrypt(
    plaintext: &[u8],
    sender: &impl StaticKey,
    recipients: &[PublicKey],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    let sender_text = sender.public().base58();
    pack(plaintext, Algorithm::Authcrypt, recipients, rng, |content_key, recipient, rng| {
        let box_key = sender.box_key(recipient)?;
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let sealed_sender = seal(sender_text.as_bytes(), &box_key.their_public(), rng)?;
        Ok(Recipient {
            encrypted_key: encode(box_key.encrypt(content_key.as_bytes(), &nonce)),
            header: RecipientHeader {
                kid: recipient.base58(),
                sender: Some(encode(sealed_sender)),
                iv: Some(encode(nonce)),
            },
        })
    })
}

/// Packs for the recipients without saying who sent it (RFC 0019 "Anoncrypt"). Returns the envelope's
/// JSON.
///
/// # Errors
/// As [`pack_authcrypt`].
pub fn pack_anoncrypt(
    plaintext: &[u8],
    recipients: &[PublicKey],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    pack(plaintext, Algorithm::Anoncrypt, recipients, rng, |content_key, recipient, rng| {
        Ok(Recipient {
            encrypted_key: encode(seal(content_key.as_bytes(), recipient, rng)?),
            header: RecipientHeader { kid: recipient.base58(), sender: None, iv: None },
        })
    })
}

fn pack<R: CryptoRng>(
    plaintext: &[u8],
    algorithm: Algorithm,
    recipients: &[PublicKey],
    rng: &mut R,
    mut encrypt_key: impl FnMut(&ContentKey, &PublicKey, &mut R) -> Result<Recipient, CryptoError>,
) -> Result<Vec<u8>, EnvelopeError> {
    let actual = recipients.len();
    if actual == 0 {
        return Err(EnvelopeError::NoRecipients);
    }
    if actual > MAX_RECIPIENTS {
        return Err(EnvelopeError::TooManyRecipients { limit: MAX_RECIPIENTS, actual });
    }
    let content_key = ContentKey::random(rng);
    let mut encrypted = Vec::with_capacity(actual);
    for (index, recipient) in recipients.iter().enumerate() {
        let failed = |source| EnvelopeError::Recipient { index, source };
        if !matches!(recipient, PublicKey::Ed25519(_)) {
            return Err(failed(CryptoError::NotEd25519(recipient.key_type())));
        }
        encrypted.push(encrypt_key(&content_key, recipient, rng).map_err(failed)?);
    }
    let header = Protected {
        enc: ENC.to_owned(),
        typ: TYP.to_owned(),
        alg: algorithm.name().to_owned(),
        recipients: encrypted,
    };
    let protected = encode(json(&header)?);
    let content = content_key
        .encrypt(plaintext, protected.as_bytes(), rng)
        .map_err(|_| EnvelopeError::TooLarge)?;
    json(&Packed {
        protected: &protected,
        iv: encode(content.iv),
        ciphertext: encode(content.ciphertext),
        tag: encode(content.tag),
    })
}

/// Structs of strings always serialise; the error is for the type's sake.
fn json(value: &impl Serialize) -> Result<Vec<u8>, EnvelopeError> {
    serde_json::to_vec(value).map_err(|error| EnvelopeError::Json {
        what: "the packed envelope",
        reason: error.to_string(),
    })
}
