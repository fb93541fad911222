//! What the RFCs ask of an agent, checked from outside by a peer made of envelopes and keys alone.
//!
//! The checks of a module share one agent and run one after the other; each is named by what it checks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[macro_use]
extern crate entente_tests;

mod connections;
mod connections_attacked;
mod dids;
mod envelopes;
mod handed_over;
mod handshake;
mod handshake_refused;
mod implicit;
mod messages;
mod out_of_band;
mod reuse;
mod routing;
mod short_urls;
mod small;
mod states;
mod static_connections;
mod table;
mod transports;
mod v2_endpoints;
mod v2_envelopes;
mod v2_mediated;
mod v2_messages;
mod v2_out_of_band;
mod v2_recipients;
mod v2_return_route;
mod v2_rotation;
mod v2_routing;
