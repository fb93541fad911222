//! What comes from outside is nonsense: it is refused by name, changes nothing, is counted, and stops nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod admin;
mod didcomm;
mod fields;
mod random;
mod reasons;

use entente_rpc::{Code, ErrorReason, Failure, Status};

/// A failure must say why in a way that a program can act on.
pub fn assert_explained(what: &str, status: &Status) {
    let failure = Failure::of(status);
    let bad = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Cancelled];
    assert!(!bad.contains(&status.code()), "{what}: {status:?}");
    assert_ne!(failure.reason, ErrorReason::Unspecified, "{what}: {status:?}");
    assert_eq!(status.code(), failure.code(), "{what}: {status:?}");
    assert!(!failure.message.is_empty() && failure.message.len() < 2_000, "{what}: {status:?}");
    if failure.reason == ErrorReason::InvalidField {
        assert!(!failure.violations.is_empty(), "{what}: {status:?}");
        assert!(
            failure.violations.iter().all(|(field, _)| !field.is_empty()),
            "{what}: {status:?}"
        );
    }
}
