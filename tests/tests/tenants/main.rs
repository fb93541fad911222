//! Several tenants in one suite: who may do what, and that nobody sees or changes what is another's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod audit;
mod dialects;
mod foreign;
mod keys;
mod lifecycle;
mod quotas;
mod readers;
mod support;
mod together;
