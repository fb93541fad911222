//! TLS and who is known by it, with certificates that openssl makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod apart;
mod clients;
mod doctor;
mod listener;
mod processes;
mod rotation;
mod support;
mod under_load;
