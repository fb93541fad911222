//! How many errors of a peer in one thread are answered (DIDComm v2, "Problem Reports": max errors), and repetitions of one
//! message.

use std::time::Duration;

use moka::sync::Cache;

/// How many are answered with what is wrong; the next is told that it was one too many, and then there is silence.
const MAX_ERRORS: u32 = 5;
/// How many threads are remembered, and for how long after their last error.
const THREADS: u64 = 10_000;
const MEMORY: Duration = Duration::from_secs(3600);

/// Counts errors by the peer and its thread.
#[derive(Clone)]
pub(crate) struct ErrorLimit {
    errors: Cache<(String, String), u32>,
}

/// What an error is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What is wrong.
    Report,
    /// That it was one too many.
    Last,
    /// Nothing.
    Silence,
}

impl ErrorLimit {
    pub fn new() -> Self {
        Self { errors: Cache::builder().max_capacity(THREADS).time_to_idle(MEMORY).build() }
    }

    /// Counts a message that came again, and says whether it is answered.
    pub fn allows_again(&self, connection_id: &str, message_id: &str) -> bool {
        self.count(connection_id, &format!("again {message_id}")) == Verdict::Report
    }

    /// Counts an error.
    pub fn count(&self, connection_id: &str, thread_id: &str) -> Verdict {
        let key = (connection_id.to_owned(), thread_id.to_owned());
        let entry = self
            .errors
            .entry(key)
            .and_upsert_with(|known| known.map_or(0, moka::Entry::into_value).saturating_add(1));
        match entry.into_value() {
            0..=MAX_ERRORS => Verdict::Report,
            count if count == MAX_ERRORS + 1 => Verdict::Last,
            _ => Verdict::Silence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_answered_five_times_and_then_told_once() {
        let limit = ErrorLimit::new();
        let verdicts: Vec<_> = (0..8).map(|_| limit.count("connection", "thread")).collect();
        assert_eq!(verdicts[..5], [Verdict::Report; 5]);
        assert_eq!(verdicts[5..], [Verdict::Last, Verdict::Silence, Verdict::Silence]);
        assert_eq!(limit.count("connection", "another"), Verdict::Report);
        assert_eq!(limit.count("another", "thread"), Verdict::Report);
    }
}
