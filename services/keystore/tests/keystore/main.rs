//! The keystore through its link: the generated client and server, over SQLite in a temporary directory.

mod custody;
mod envelopes;
mod support;
