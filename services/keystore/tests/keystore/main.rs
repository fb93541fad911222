//! The keystore through its link: the generated client and server, over SQLite in a temporary directory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod at_rest;
mod custody;
mod envelopes;
mod hostile;
mod mac;
mod master_key;
mod metrics;
mod rotation;
mod support;
mod v2;
