//! The envelopes of DIDComm v2: encrypted (JWE), signed (JWS), and the ways in which they may be in each other.
//!
//! | | key agreement | content |
//! |---|---|---|
//! | anoncrypt | ECDH-ES+A256KW | A256CBC-HS512, A256GCM, XC20P |
//! | authcrypt | ECDH-1PU+A256KW (draft 4) | A256CBC-HS512 |
//!
//! with keys of X25519, P-256, P-384 and P-521; signatures are EdDSA, ES256 and ES256K. Around a plaintext may be, from
//! within: a signature, authcrypt and anoncrypt, each at most once. Who signs and authcrypts must be of one DID.
//!
//! Keys have DID URLs for names, which somebody else resolves: opening takes them ([`Keys`]) and says which it lacks.

mod addressing;
mod encrypted;
mod header;
mod layers;
mod open;
mod pack;
mod signed;

pub use addressing::{AddressingError, Proved, check_addressing};
pub use encrypted::Encrypted;
pub use layers::{Layer, Opened};
pub use pack::{pack_anoncrypt, pack_authcrypt};
pub use signed::{Signed, sign};

use entente_did::{DidUrl, PublicKey};

use crate::primitives::AgreementKey;

/// The media type of an encrypted message (DIDComm v2, IANA considerations).
pub const MEDIA_TYPE_ENCRYPTED: &str = "application/didcomm-encrypted+json";
/// The media type of a signed message.
pub const MEDIA_TYPE_SIGNED: &str = "application/didcomm-signed+json";
/// The most signatures that a message may have.
pub const MAX_SIGNATURES: usize = 4;

/// A public key under the DID URL that envelopes name it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedKey {
    /// The DID URL of the verification method.
    pub kid: String,
    /// The key.
    pub key: PublicKey,
}

impl NamedKey {
    /// A key and its name.
    pub fn new(kid: impl Into<String>, key: PublicKey) -> Self {
        Self { kid: kid.into(), key }
    }
}

/// What an envelope may be opened with. Others' keys are claims of whoever gives them: that each is the key of its DID
/// URL, under the relationship that is named here, is for them to know.
#[derive(Clone, Copy, Default)]
pub struct Keys<'a> {
    /// Ours for key agreement (`keyAgreement`), under their DID URLs.
    pub recipients: &'a [(&'a str, &'a dyn AgreementKey)],
    /// Senders' for key agreement (`keyAgreement`).
    pub senders: &'a [NamedKey],
    /// Signers' for signatures (`authentication`).
    pub signers: &'a [NamedKey],
}

/// The key of a name, among those given.
fn find(keys: &[NamedKey], kid: &str) -> Option<PublicKey> {
    keys.iter().find(|named| named.kid == kid).map(|named| named.key)
}

/// Whether two DID URLs are of one DID, where the two forms of a did:peer:4 are one.
fn same_did(left: &str, right: &str) -> bool {
    let did = |text| DidUrl::parse(text).ok().map(|url| url.did.canonical());
    matches!((did(left), did(right)), (Some(left), Some(right)) if left == right)
}

#[cfg(test)]
mod tests;
