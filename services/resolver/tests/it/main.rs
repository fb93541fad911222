//! The resolver through its link: real SQLite, real sockets.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed expectation is a failed test

mod offline;
mod support;
mod web;
