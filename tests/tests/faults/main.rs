//! What goes wrong around and inside of a running agent: it dies, the network fails, the disk is full, the database is
//! gone, clocks jump. It says so where it must, and goes on by itself when it can.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod clock;
mod database;
mod disk;
mod kills;
mod names;
mod network;
mod order;
