//! The GraphQL API, called with the clients that applications use.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod documents;
mod invitations;
mod restart;
mod schema;
