//! Handshakes between two machines with real keys and signatures, and the ways to break them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod connections;
mod did_exchange;
mod identus;
mod support;
