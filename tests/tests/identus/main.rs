//! Entente and agents built on the SDK of Identus and on didcomm-node, driven as their owners do: DIDComm v2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod alone;
mod crates;
mod envelopes;
mod forged;
mod invitee;
mod inviter;
mod pair;
mod refused;
mod several;
