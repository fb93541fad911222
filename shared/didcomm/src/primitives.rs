//! The cryptographic primitives, and the only place that knows the crates behind them.
//!
//! The asymmetric operations are nearly all of a message's cost, so that what can be computed once is
//! kept: an [`Ed25519Secret`] holds its X25519 form, and a [`BoxKey`] or a [`SharedSecret`] may be cached
//! by a keystore.

mod agreement;
mod content;
mod crypto_box;
mod ed25519;
mod jwa;
mod key_wrap;
mod nist;
mod signature;
mod x25519;

pub use agreement::{AgreementKey, AgreementSecret, SharedSecret, coordinates};
pub use content::{ContentKey, Sealed};
pub use crypto_box::{BOX_OVERHEAD, BoxKey, SEAL_OVERHEAD, StaticKey, seal, seal_open};
pub use ed25519::{Ed25519Secret, verify};
pub use jwa::{Cek, ContentEncryption, EncryptedContent};
pub use key_wrap::{KeyDerivation, WRAP_OVERHEAD, WrappingKey};
pub use signature::SignatureAlgorithm;
pub use x25519::X25519Secret;

use entente_did::{DidError, KeyType};

/// Why an operation on keys failed. It never says which byte was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A public key that cannot be used for this.
    #[error("unusable public key: {0}")]
    PublicKey(#[from] DidError),
    /// The operation needs an Ed25519 key.
    #[error("expected an Ed25519 key, got {0}")]
    NotEd25519(KeyType),
    /// A key for key agreement is needed.
    #[error("a key of type {0} is not for key agreement; X25519, P-256, P-384 and P-521 are")]
    NotForAgreement(KeyType),
    /// Two keys of one agreement must be of one curve.
    #[error("a key of type {theirs} has no shared secret with one of type {ours}")]
    CurveMismatch {
        /// Our key's type.
        ours: KeyType,
        /// The other's.
        theirs: KeyType,
    },
    /// Bytes that are no secret key.
    #[error("not a secret key of type {0}: it has another length, or is no scalar of the group")]
    Secret(KeyType),
    /// The key does not fit the signature's algorithm.
    #[error("a key of type {key_type} makes no signatures with {algorithm}")]
    WrongAlgorithm {
        /// The algorithm.
        algorithm: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// The other side's key is of low order, so that the shared secret would be known to all.
    #[error("the public key is of low order: no shared secret can be made with it")]
    LowOrder,
    /// A box, sealed box or ciphertext does not authenticate: tampered with, or made for another key.
    #[error("decryption failed: the ciphertext was changed or is for another key")]
    Decryption,
    /// The signature is not the key's signature over these bytes.
    #[error("the signature does not verify")]
    Signature,
}
