//! The crate `didcomm` of SICPA, which the SDKs of Identus were written after.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use didcomm::algorithms::AnonCryptAlg;
use didcomm::did::resolvers::ExampleDIDResolver;
use didcomm::secrets::resolvers::ExampleSecretsResolver;
use didcomm::test_vectors::{ALICE_DID_DOC, ALICE_SECRETS, BOB_DID_DOC, BOB_SECRETS};
use didcomm::{Message, PackEncryptedOptions, UnpackOptions};

use crate::{ALICE, BOB, Cipher, Curve, Implementation, Opened, SIGNER, Wrapping, alices, bobs};

/// The crate with the documents and secrets of its own test vectors.
pub struct Sicpa {
    documents: ExampleDIDResolver,
    alice: ExampleSecretsResolver,
    bob: ExampleSecretsResolver,
}

impl Default for Sicpa {
    fn default() -> Self {
        Self {
            documents: ExampleDIDResolver::new(vec![ALICE_DID_DOC.clone(), BOB_DID_DOC.clone()]),
            alice: ExampleSecretsResolver::new(ALICE_SECRETS.clone()),
            bob: ExampleSecretsResolver::new(BOB_SECRETS.clone()),
        }
    }
}

/// None of its futures waits for anything.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

/// A message in the form of the crate.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn parse(message: &str) -> Message {
    serde_json::from_str(message).expect("a message")
}

impl Sicpa {
    /// Authcrypts for the first of Bob's keys only.
    #[must_use]
    pub fn authcrypt_to_one(&self, message: &Message) -> String {
        let options = PackEncryptedOptions { forward: false, ..PackEncryptedOptions::default() };
        let (from, to) = (format!("{ALICE}#key-x25519-1"), format!("{BOB}#key-x25519-1"));
        self.encrypt(message, &to, Some(&from), None, &options)
    }

    fn encrypt(
        &self,
        message: &Message,
        to: &str,
        from: Option<&str>,
        sign_by: Option<&str>,
        options: &PackEncryptedOptions,
    ) -> String {
        let packed =
            now(message.pack_encrypted(to, from, sign_by, &self.documents, &self.alice, options));
        packed.expect("packed").0
    }
}

impl Implementation for Sicpa {
    fn name(&self) -> &'static str {
        "didcomm"
    }

    fn pack(
        &self,
        message: &str,
        curve: Curve,
        wrapping: Wrapping,
        cipher: Cipher,
    ) -> Option<String> {
        let message = parse(message);
        if wrapping == Wrapping::Signed {
            let signed = now(message.pack_signed(SIGNER, &self.documents, &self.alice));
            return Some(signed.expect("signed").0);
        }
        let options = PackEncryptedOptions {
            protect_sender: wrapping == Wrapping::Protected,
            forward: false,
            enc_alg_anon: match cipher {
                Cipher::A256CbcHs512 => AnonCryptAlg::A256cbcHs512EcdhEsA256kw,
                Cipher::A256Gcm => AnonCryptAlg::A256gcmEcdhEsA256kw,
                Cipher::Xc20p => AnonCryptAlg::Xc20pEcdhEsA256kw,
            },
            ..PackEncryptedOptions::default()
        };
        let (from, sign_by, to) = match wrapping {
            Wrapping::Authcrypt | Wrapping::Protected => {
                (Some(alices(curve)?.kid), None, BOB.to_owned())
            }
            // The curve is that of the key it is for.
            Wrapping::AnoncryptSigned => (None, Some(SIGNER), bobs(curve).remove(0).kid),
            _ => (None, None, bobs(curve).remove(0).kid),
        };
        Some(self.encrypt(&message, &to, from.as_deref(), sign_by, &options))
    }

    fn open(&self, envelope: &str) -> Result<Opened, String> {
        let options =
            UnpackOptions { expect_decrypt_by_all_keys: false, ..UnpackOptions::default() };
        let unpacked = now(Message::unpack(envelope, &self.documents, &self.bob, &options));
        let (message, metadata) = unpacked.map_err(|error| error.to_string())?;
        Ok(Opened {
            message: serde_json::to_value(message).map_err(|error| error.to_string())?,
            sender_kid: metadata.encrypted_from_kid.filter(|kid| kid.starts_with(ALICE)),
            signer_kid: metadata.sign_from,
        })
    }

    fn knows(&self, curve: Curve, _: Cipher) -> bool {
        matches!(curve, Curve::X25519 | Curve::P256)
    }
}
