//! No private key on a disk because a process crashed.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The largest core dump, in bytes. Too small for a file, as 0 is; and Linux starts no program for it either, which with 0
/// it would where `core_pattern` names one (core(5)).
const LARGEST: u64 = 1;

/// Forbids core dumps of this process, and of those that it starts.
pub fn forbid() {
    let largest = getrlimit(Resource::Core).maximum.map_or(LARGEST, |most| most.min(LARGEST));
    let limit = Rlimit { current: Some(largest), maximum: Some(largest) };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::warn!(%error, "core dumps cannot be forbidden");
    }
}
