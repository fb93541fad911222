//! DIDs and DID documents: syntax, did:key, did:peer 0, 2 and 4, did:web's URL.
//!
//! Pure: no network, clock or randomness. [`PublicKey`] is the key type of all crates.

mod error;
pub mod key;

pub use error::{DidError, ResolutionError};
pub use key::{KeyType, PublicKey};
