//! DIDs and DID documents: syntax, did:key, did:peer 0, 2 and 4, did:web's URL.
//!
//! Pure: no network, clock or randomness. [`PublicKey`] is the key type of all crates.

mod base58;
pub mod create;
mod did;
mod did_url;
pub mod document;
mod error;
pub mod key;
pub mod peer0;
pub mod peer2;
pub mod peer4;
mod resolve;
pub mod web;

pub use did::{Did, MAX_DID_LEN, MAX_SHORT_DID_LEN, Method};
pub use did_url::DidUrl;
pub use document::{Document, Service, ServiceType, V1Endpoint, V1Service, V2Endpoint};
pub use error::{DidError, ResolutionError};
pub use key::{KeyType, PublicKey};
pub use resolve::resolve_offline;
