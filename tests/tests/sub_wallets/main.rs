//! Tenants as the dialects have them: ACA-Py's sub-wallets, and Identus' wallets and entities.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod acapy;
mod graphql;
mod identus;
mod interop;
mod webhooks;
