//! The cryptographic primitives, and the only place that knows the crates behind them.
//!
//! The asymmetric operations are nearly all of a message's cost, so that what can be computed once is
//! kept: an [`Ed25519Secret`] holds its X25519 form, and a [`BoxKey`] holds a shared secret that a
//! keystore may cache.

mod content;
mod crypto_box;
mod ed25519;
mod x25519;

pub use content::{ContentKey, Sealed};
pub use crypto_box::{BOX_OVERHEAD, BoxKey, SEAL_OVERHEAD, StaticKey, seal, seal_open};
pub use ed25519::{Ed25519Secret, verify};
pub use x25519::X25519Secret;

use entente_did::DidError;

/// Why an operation on keys failed. It never says which byte was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// A public key that cannot be used for this.
    #[error("unusable public key: {0}")]
    PublicKey(#[from] DidError),
    /// The operation needs an Ed25519 key.
    #[error("expected an Ed25519 key, got {0}")]
    NotEd25519(entente_did::KeyType),
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
