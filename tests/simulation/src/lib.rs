//! Agents on a seeded schedule: the real connection service, keystore and resolver over SQLite, with the time, the
//! network and the crashes made by a simulation (as FoundationDB and TigerBeetle are tested).
//!
//! An agent is a tenant of a [`process`], alone there or beside others: a runtime of one thread with a clock that stands
//! still, which runs only while the simulation drives it. Whatever a service asks of a database waits at a [`turnstile`]
//! (the hook is `entente_store::gate`); one statement is let through at a time, and the next step is taken when nothing
//! can go on by itself. So a run is a sequence of steps that the seed alone decides: [`world`] lets a statement through,
//! carries, loses or doubles a packet, loses an answer, cuts a link, has an owner act ([`actions`]), has a caller name what
//! is another's ([`prying`]) or somebody send what another wrote ([`forgery`]), lets time pass, or ends a process, also
//! between a commit and whoever waits for it. To die is to drop the runtime and to go on with a copy of the files.
//!
//! The network stands where the transport service is ([`post`]); what arrives goes the gateway's way, through
//! `entente_unpack` and `Receive` ([`work`]). Ids and keys are drawn at random as ever, and so are in no trace:
//! two runs of a seed have the same, which a test checks.
//!
//! After each step [`watch`] holds every event, and [`world`] every call and message, to the invariants; at the end the
//! network heals, time passes until nothing is due, and [`ending`] compares the agents with each other. Then each
//! connection is tried with a ping, and all that ever came out is searched for private keys ([`search`]).
//!
//! What it does not have: PostgreSQL and its replicas, HTTP, mediators, attachments, static connections, merges, DIDs that
//! must be fetched, and a disk that loses what it said was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a simulation that cannot go on ends; it is documented by its modules"
)]

mod actions;
mod calls;
mod dice;
mod ending;
mod forgery;
mod home;
mod inspector;
mod post;
mod process;
mod prying;
mod search;
mod trace;
mod turnstile;
mod watch;
mod weather;
mod work;
mod world;

pub use world::{Outcome, run};

/// An invariant that did not hold.
#[derive(Debug)]
pub struct Violation {
    /// Which, with its number in the list of the README where it has one.
    pub invariant: &'static str,
    pub detail: String,
}
