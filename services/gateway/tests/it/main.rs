//! The gateway on real sockets.

mod admin;
mod didcomm;
mod support;
