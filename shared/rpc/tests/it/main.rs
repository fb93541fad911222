//! Links and servers over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod addresses;
mod deadlines;
mod limits;
mod peer;
mod retries;
mod rights;
