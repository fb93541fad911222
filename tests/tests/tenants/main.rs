//! Several tenants in one suite: who may do what, and that nobody sees or changes what is another's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod audit;
mod away;
mod dialects;
mod foreign;
mod guesses;
mod keys;
mod lifecycle;
mod quotas;
mod readers;
mod support;
mod together;
