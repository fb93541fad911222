//! Entente.

use std::collections::HashMap;
use std::sync::Mutex;

use entente_did::PublicKey;
use entente_didcomm::envelope::Envelope;
use entente_didcomm::envelope::v2::{Keys, NamedKey, pack_anoncrypt, pack_authcrypt, sign};
use entente_didcomm::primitives::{
    AgreementKey, AgreementSecret, ContentEncryption, CryptoError, Ed25519Secret, SharedSecret,
};

use crate::{
    BOB, Cipher, Curve, Implementation, Opened, SIGNER, Secret, Wrapping, alices, bobs, secrets,
};

/// A key that may remember its shared secrets, as the keystore's do.
pub struct Remembering {
    secret: AgreementSecret,
    shared: Option<Mutex<HashMap<PublicKey, SharedSecret>>>,
}

impl Remembering {
    fn new(secret: &Secret, remember: bool) -> Self {
        let public = PublicKey::from_jwk(&secret.jwk).expect("a key");
        let secret = AgreementSecret::from_bytes(public.key_type(), &secret.d).expect("a key");
        assert_eq!(secret.public(), public);
        Self { secret, shared: remember.then(Mutex::default) }
    }
}

impl AgreementKey for Remembering {
    fn public(&self) -> PublicKey {
        self.secret.public()
    }

    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.secret.agree(theirs)
    }

    fn agree_static(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        let Some(shared) = &self.shared else { return self.secret.agree(theirs) };
        let mut shared = shared.lock().expect("not poisoned");
        if let Some(found) = shared.get(theirs) {
            return Ok(found.clone());
        }
        let made = self.secret.agree(theirs)?;
        shared.insert(*theirs, made.clone());
        Ok(made)
    }
}

/// Entente, with shared secrets remembered or not.
pub struct Ours {
    bob: Vec<(String, Remembering)>,
    recipients: Vec<(Curve, Vec<NamedKey>)>,
    alice: Vec<(Curve, String, Remembering)>,
    known: Vec<NamedKey>,
    signer: Ed25519Secret,
    remember: bool,
}

impl Ours {
    #[must_use]
    pub fn new(remember: bool) -> Self {
        let named = |secret: &Secret| {
            NamedKey::new(secret.kid.clone(), PublicKey::from_jwk(&secret.jwk).expect("a key"))
        };
        let signer = secrets(SIGNER).pop().expect("the key").d.try_into().expect("32 bytes");
        Self {
            bob: secrets(BOB)
                .iter()
                .map(|secret| (secret.kid.clone(), Remembering::new(secret, remember)))
                .collect(),
            recipients: Curve::ALL
                .map(|curve| (curve, bobs(curve).iter().map(named).collect()))
                .into(),
            alice: Curve::ALL
                .into_iter()
                .filter_map(|curve| {
                    let secret = alices(curve)?;
                    Some((curve, secret.kid.clone(), Remembering::new(&secret, remember)))
                })
                .collect(),
            known: secrets(crate::ALICE).iter().map(named).collect(),
            signer: Ed25519Secret::from_seed(signer),
            remember,
        }
    }

    fn recipients(&self, curve: Curve) -> &[NamedKey] {
        &self.recipients.iter().find(|(of, _)| *of == curve).expect("a curve").1
    }

    /// Authcrypts for the first of Bob's keys only.
    #[must_use]
    pub fn authcrypt_to_one(&self, message: &str) -> String {
        let (_, kid, secret) = &self.alice[0];
        let to = &self.recipients(Curve::X25519)[..1];
        text(pack_authcrypt(message.as_bytes(), kid, secret, to, &mut rand::rng()).expect("packed"))
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("JSON")
}

impl Implementation for Ours {
    fn name(&self) -> &'static str {
        if self.remember { "entente, secret remembered" } else { "entente" }
    }

    fn pack(
        &self,
        message: &str,
        curve: Curve,
        wrapping: Wrapping,
        cipher: Cipher,
    ) -> Option<String> {
        let (mut rng, to) = (rand::rng(), self.recipients(curve));
        let encryption = match cipher {
            Cipher::A256CbcHs512 => ContentEncryption::A256CbcHs512,
            Cipher::A256Gcm => ContentEncryption::A256Gcm,
            Cipher::Xc20p => ContentEncryption::Xc20p,
        };
        let mut packed = message.as_bytes().to_vec();
        if matches!(wrapping, Wrapping::Signed | Wrapping::AnoncryptSigned) {
            packed = sign(&packed, SIGNER, &self.signer).expect("signed");
        }
        if matches!(wrapping, Wrapping::Authcrypt | Wrapping::Protected) {
            let (_, kid, secret) = self.alice.iter().find(|(of, ..)| *of == curve)?;
            packed = pack_authcrypt(&packed, kid, secret, to, &mut rng).expect("packed");
        }
        if matches!(wrapping, Wrapping::Anoncrypt | Wrapping::AnoncryptSigned | Wrapping::Protected)
        {
            packed = pack_anoncrypt(&packed, to, encryption, &mut rng).expect("packed");
        }
        Some(text(packed))
    }

    fn open(&self, envelope: &str) -> Result<Opened, String> {
        let recipients: Vec<_> =
            self.bob.iter().map(|(kid, key)| (kid.as_str(), key as &dyn AgreementKey)).collect();
        let keys = Keys { recipients: &recipients, senders: &self.known, signers: &self.known };
        let opened = match Envelope::peek(envelope.as_bytes()).map_err(|error| error.to_string())? {
            Envelope::V2(encrypted) => encrypted.open(&keys),
            Envelope::Signed(signed) => signed.open(&keys),
            _ => return Err("a v1 envelope".to_owned()),
        };
        let opened = opened.map_err(|error| error.to_string())?;
        Ok(Opened {
            message: serde_json::from_slice(&opened.plaintext)
                .map_err(|error| error.to_string())?,
            sender_kid: opened.sender.map(|key| key.kid),
            signer_kid: opened.signer.map(|key| key.kid),
        })
    }

    fn knows(&self, _: Curve, _: Cipher) -> bool {
        true
    }
}
