//! The crate `affinidi-messaging-didcomm`, one layer at a time.

use affinidi_crypto::jose::key_agreement::{
    Curve as TheirCurve, PrivateKeyAgreement, PublicKeyAgreement,
};
use affinidi_messaging_didcomm::jwe::decrypt::{SenderKey, authcrypt_sender_kid, decrypt_bound};
use affinidi_messaging_didcomm::jwe::encrypt::{anoncrypt, authcrypt};
use affinidi_messaging_didcomm::jws::sign::sign_ed25519;
use affinidi_messaging_didcomm::jws::verify::{SignerKey, VerifyKey, verify_bound};
use entente_did::PublicKey;
use serde_json::Value;

use crate::{
    ALICE, BOB, Cipher, Curve, Implementation, Opened, SIGNER, Secret, Wrapping, alices, bobs,
    secrets,
};

/// The keys in the forms of the crate.
pub struct Affinidi {
    bob: Vec<(String, PrivateKeyAgreement)>,
    alice: Vec<(String, PublicKeyAgreement)>,
    /// Alice's and Bob's first keys of X25519.
    first: (PrivateKeyAgreement, PublicKeyAgreement),
    signer: [u8; 32],
    verifier: VerifyKey,
}

fn private(secret: &Secret) -> PrivateKeyAgreement {
    let curve = match secret.jwk["crv"].as_str() {
        Some("X25519") => TheirCurve::X25519,
        Some("P-256") => TheirCurve::P256,
        Some("P-384") => TheirCurve::P384,
        _ => TheirCurve::P521,
    };
    PrivateKeyAgreement::from_raw_bytes(curve, &secret.d).expect("a key")
}

fn public(secret: &Secret) -> PublicKeyAgreement {
    PublicKeyAgreement::from_jwk(&secret.jwk).expect("a key")
}

impl Default for Affinidi {
    fn default() -> Self {
        let signer = secrets(SIGNER).pop().expect("the key");
        let verifier = PublicKey::from_jwk(&signer.jwk).expect("a key");
        Self {
            bob: secrets(BOB).iter().map(|secret| (secret.kid.clone(), private(secret))).collect(),
            alice: Curve::ALL
                .into_iter()
                .filter_map(alices)
                .map(|secret| (secret.kid.clone(), public(&secret)))
                .collect(),
            first: (
                private(&alices(Curve::X25519).expect("her key")),
                public(&bobs(Curve::X25519).remove(0)),
            ),
            signer: signer.d.try_into().expect("32 bytes"),
            verifier: VerifyKey::Ed25519(verifier.as_bytes().try_into().expect("32 bytes")),
        }
    }
}

impl Affinidi {
    /// Authcrypts for the first of Bob's keys only.
    #[must_use]
    pub fn authcrypt_to_one(&self, message: &str) -> String {
        let (from, to) = &self.first;
        let (from_kid, kid) = (&self.alice[0].0, self.bob[0].0.as_str());
        authcrypt(message.as_bytes(), from_kid, from, &[(kid, to)]).expect("packed")
    }

    /// Opens what Alice authcrypted for the first of Bob's keys.
    #[must_use]
    pub fn open_one(&self, envelope: &str) -> Value {
        let ((kid, key), (sender_kid, sender)) = (&self.bob[0], &self.alice[0]);
        let opened = decrypt_bound(envelope, kid, key, Some(SenderKey::new(sender_kid, sender)));
        serde_json::from_slice(&opened.expect("opened").plaintext).expect("a message")
    }

    fn decrypt(&self, envelope: &str, outer: &Value) -> Result<(Vec<u8>, Option<String>), String> {
        let kids = outer["recipients"].as_array().ok_or("no recipients")?;
        let kid = |recipient: &Value| recipient["header"]["kid"].as_str().map(str::to_owned);
        let (kid, key) = kids
            .iter()
            .filter_map(kid)
            .find_map(|kid| self.bob.iter().find(|(ours, _)| *ours == kid))
            .ok_or("for somebody else")?;
        let sender = authcrypt_sender_kid(envelope).map_err(|error| error.to_string())?;
        let known =
            sender.as_ref().and_then(|kid| self.alice.iter().find(|(named, _)| named == kid));
        let sender_key = known.map(|(kid, key)| SenderKey::new(kid, key));
        let opened =
            decrypt_bound(envelope, kid, key, sender_key).map_err(|error| error.to_string())?;
        Ok((opened.plaintext, sender.filter(|_| opened.authenticated)))
    }
}

impl Implementation for Affinidi {
    fn name(&self) -> &'static str {
        "affinidi-messaging-didcomm"
    }

    fn pack(
        &self,
        message: &str,
        curve: Curve,
        wrapping: Wrapping,
        cipher: Cipher,
    ) -> Option<String> {
        if cipher != Cipher::A256CbcHs512 {
            return None;
        }
        let recipients: Vec<_> =
            bobs(curve).iter().map(|secret| (secret.kid.clone(), public(secret))).collect();
        let to: Vec<_> = recipients.iter().map(|(kid, key)| (kid.as_str(), key)).collect();
        let mut packed = message.to_owned();
        if matches!(wrapping, Wrapping::Signed | Wrapping::AnoncryptSigned) {
            packed = sign_ed25519(packed.as_bytes(), SIGNER, &self.signer).expect("signed");
        }
        if matches!(wrapping, Wrapping::Authcrypt | Wrapping::Protected) {
            let from = alices(curve)?;
            packed = authcrypt(packed.as_bytes(), &from.kid, &private(&from), &to).expect("packed");
        }
        if matches!(wrapping, Wrapping::Anoncrypt | Wrapping::AnoncryptSigned | Wrapping::Protected)
        {
            packed = anoncrypt(packed.as_bytes(), &to).expect("packed");
        }
        Some(packed)
    }

    fn open(&self, envelope: &str) -> Result<Opened, String> {
        let (mut text, mut sender_kid, mut signer_kid) = (envelope.to_owned(), None, None);
        loop {
            let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let inner = if value.get("ciphertext").is_some() {
                let (plaintext, sender) = self.decrypt(&text, &value)?;
                sender_kid = sender_kid.or(sender);
                plaintext
            } else if value.get("signatures").is_some() {
                let signed = verify_bound(&text, SignerKey::new(SIGNER, &self.verifier))
                    .map_err(|error| error.to_string())?;
                signer_kid = signed.signer_kid.filter(|kid| kid.starts_with(ALICE));
                signed.payload
            } else {
                return Ok(Opened { message: value, sender_kid, signer_kid });
            };
            text = String::from_utf8(inner).map_err(|error| error.to_string())?;
        }
    }

    fn knows(&self, _: Curve, cipher: Cipher) -> bool {
        cipher == Cipher::A256CbcHs512
    }
}
