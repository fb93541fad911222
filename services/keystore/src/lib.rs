//! Custody of private keys: the keystore makes and keeps them, signs, packs and unpacks with them, and never gives one
//! out.
//!
//! At rest a private key is sealed with AES-256-GCM under its tenant's data key, which is wrapped under the master key;
//! the master key is in a file or comes from a passphrase ([`MasterKey`]). In memory keys are zeroized when they are
//! dropped.
//!
//! | module | what |
//! |---|---|
//! | `grpc` | the RPCs |
//! | `keystore` | what they do |
//! | `cache` | keys ready in memory |
//! | `private_key` | the types of keys |
//! | `seal` | sealing, and the place that a sealed key is bound to |
//! | `master` | the master key: found at start, changed while running |
//! | `store` | the tables |

mod cache;
mod error;
mod grpc;
mod keystore;
mod master;
mod metrics;
mod private_key;
mod seal;
mod service;
mod store;

pub use error::StartError;
pub use master::MasterKeyError;
pub use seal::SealError;
pub use service::{Config, MasterKey, Service, start};
pub use store::MIGRATIONS;
