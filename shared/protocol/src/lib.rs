//! The protocols as state machines without I/O, clock or randomness.
//!
//! [`Exchange::handle`] takes a state by value with an [`Input`] and gives a [`Transition`]: the next state and its
//! effects as data, or gives the state back with the reason why not. What a peer sent is read by the modules of the
//! messages, which turn it into verified facts or a [`Misbehaved`].
//!
//! | module | what |
//! |---|---|
//! | [`exchange`] | a handshake in both roles |
//! | [`handshake`] | what differs between did-exchange (RFC 0023), connections/1.0 (RFC 0160) and Identus' handshake |
//! | [`reuse`] | the reuse decision and its messages (RFC 0434) |
//! | [`usage`] | how often an invitation may be used |
//! | [`peer`], [`Target`] | who a peer is, and where it receives messages |
//! | [`features`], [`trust_ping`], [`basic_message`], [`problem`] | the small protocols |

pub mod basic_message;
pub mod exchange;
pub mod features;
pub mod handshake;
pub mod misbehaved;
pub mod peer;
pub mod problem;
pub mod reuse;
mod target;
pub mod trust_ping;
pub mod usage;

pub use exchange::{Cause, Exchange, Input, Rejected, Role, State, Terms, Transition};
pub use handshake::{Approval, Envelope, Handshake};
pub use misbehaved::Misbehaved;
pub use peer::{Identity, Peer, Sender};
pub use target::{Route, Target};
