//! Three replicas of each of the five services, behind a real Envoy with the configuration that is shipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod balance;
mod deaths;
mod rolling;
