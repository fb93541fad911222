//! What crosses crates: end-to-end, interop, layering. The tests drive the real binary from outside; here is what
//! they share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod acapy;
pub mod certificates;
pub mod collector;
pub mod conformance;
pub mod envoy;
pub mod fleet;
pub mod graphql;
pub mod identus;
pub mod nats;
pub mod node;
pub mod peer;
pub mod suite;
pub mod wire;

pub use fleet::Fleet;
pub use peer::Peer;
pub use suite::Suite;
