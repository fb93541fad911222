//! DIDComm v2 as others have it, behind one trait: Alice sends to Bob, with the keys of the specification's appendix A.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is for tests"
)]

mod affinidi;
mod ours;
pub mod sicpa;

pub use affinidi::Affinidi;
pub use ours::{Ours, Remembering};
pub use sicpa::Sicpa;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// The DID of the sender, whose key for signatures is `#key-1`.
pub const ALICE: &str = "did:example:alice";
/// The DID of the recipient.
pub const BOB: &str = "did:example:bob";
/// The key that Alice signs with.
pub const SIGNER: &str = "did:example:alice#key-1";

/// The curve of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    X25519,
    P256,
    P384,
    P521,
}

/// The layers of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    Signed,
    Anoncrypt,
    Authcrypt,
    /// Anoncrypt around authcrypt.
    Protected,
    /// Anoncrypt around a signature.
    AnoncryptSigned,
}

/// The cipher of an anoncrypted layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    A256CbcHs512,
    A256Gcm,
    Xc20p,
}

/// What came out of an envelope.
#[derive(Debug, PartialEq)]
pub struct Opened {
    pub message: Value,
    pub sender_kid: Option<String>,
    pub signer_kid: Option<String>,
}

/// An implementation of DIDComm v2.
pub trait Implementation {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Packs a message of [`message`] from Alice to all of Bob's keys of a curve; `None` if it cannot.
    fn pack(
        &self,
        message: &str,
        curve: Curve,
        wrapping: Wrapping,
        cipher: Cipher,
    ) -> Option<String>;

    /// Opens it as Bob.
    fn open(&self, envelope: &str) -> Result<Opened, String>;

    /// Whether it knows this curve and cipher.
    fn knows(&self, curve: Curve, cipher: Cipher) -> bool;
}

impl Curve {
    /// The curves.
    pub const ALL: [Self; 4] = [Self::X25519, Self::P256, Self::P384, Self::P521];

    /// As the appendix spells it in the names of keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X25519 => "x25519",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
        }
    }
}

/// A key pair of appendix A.
pub struct Secret {
    pub kid: String,
    pub jwk: Value,
    pub d: Vec<u8>,
}

/// The keys whose kid begins so.
///
/// # Panics
/// If the file of the keys is broken.
#[must_use]
pub fn secrets(kid: &str) -> Vec<Secret> {
    let file = include_str!("../../../shared/didcomm/tests/appendix/secrets.json");
    let all: Vec<Value> = serde_json::from_str(file).expect("the keys");
    let text = |jwk: &Value, member: &str| jwk[member].as_str().expect("a text").to_owned();
    all.into_iter()
        .map(|jwk| Secret {
            kid: text(&jwk, "kid"),
            d: BASE64_URL_SAFE_NO_PAD.decode(text(&jwk, "d")).expect("base64url"),
            jwk,
        })
        .filter(|secret| secret.kid.starts_with(kid))
        .collect()
}

/// Bob's keys of a curve.
#[must_use]
pub fn bobs(curve: Curve) -> Vec<Secret> {
    secrets(&format!("{BOB}#key-{}-", curve.name()))
}

/// Alice's key of a curve; there is none of P-384.
#[must_use]
pub fn alices(curve: Curve) -> Option<Secret> {
    secrets(&format!("{ALICE}#key-{}-1", curve.name())).pop()
}

/// A message of about so many bytes.
#[must_use]
pub fn message(bytes: usize) -> String {
    let filling = "x".repeat(bytes.saturating_sub(150));
    serde_json::json!({
        "id": "1234567890", "typ": "application/didcomm-plain+json",
        "type": "https://example.com/protocols/oracle/1.0/message",
        "from": ALICE, "to": [BOB], "body": {"filling": filling},
    })
    .to_string()
}
