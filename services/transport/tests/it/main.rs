//! The transport through its link, with the real resolver: real sockets.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed expectation is a failed test

mod breaker;
mod deliver;
mod forward;
mod forward_v2;
mod invitation;
mod limits;
mod refused;
mod support;
mod websocket;
