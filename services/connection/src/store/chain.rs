//! What links the events of a log: each has the hash of the one before in its own.
//!
//! The hash of an event is SHA-256 over the hash of the event before (nothing for the first), its sequence, and its leaf:
//! SHA-256 over the tenant, the connection and the invitation, each after its length in bytes, the time, the kind, and the
//! record as it is stored. Numbers are of 8 bytes, the most significant first.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// An event to be linked, without its place.
pub(super) struct Unlinked<'a> {
    pub tenant: &'a str,
    pub connection_id: &'a str,
    pub invitation_id: &'a str,
    pub time: i64,
    pub kind: i32,
    pub record: &'a [u8],
}

impl Unlinked<'_> {
    /// What the event is, without its place.
    pub fn leaf(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for text in [self.tenant, self.connection_id, self.invitation_id] {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        }
        hash.update(self.time.to_be_bytes());
        hash.update(i64::from(self.kind).to_be_bytes());
        hash.update(self.record);
        hash.finalize().to_vec()
    }
}

/// The hash of an event in its place.
pub(super) fn link(prior: &[u8], sequence: i64, leaf: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(prior);
    hash.update(sequence.to_be_bytes());
    hash.update(leaf);
    hash.finalize().to_vec()
}

/// The same in PostgreSQL's words: `prior` and `sequence` are expressions, `leaf` the number of a parameter.
pub(super) fn link_sql(prior: &str, sequence: &str, leaf: usize) -> String {
    let mut sql = String::new();
    // Writing to a String does not fail.
    let _ = write!(sql, "sha256({prior} || int8send({sequence}) || ${leaf})");
    sql
}
