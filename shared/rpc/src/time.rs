//! Times on the wire. Inside the services a time is milliseconds since the Unix epoch, UTC.

use std::cell::Cell;

use prost_types::{Duration, Timestamp};

/// Milliseconds since the epoch as a protobuf timestamp.
#[must_use]
pub fn to_proto(milliseconds: i64) -> Timestamp {
    let nanos = i32::try_from(milliseconds.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: milliseconds.div_euclid(1000), nanos }
}

thread_local! {
    static STOPPED: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The time, in milliseconds since the epoch: the one clock that is read.
#[must_use]
pub fn now() -> i64 {
    STOPPED.get().unwrap_or_else(|| {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Stops the clock at a time, for what runs on this thread; `None` lets it go on. For a simulation, which is the time
/// itself.
pub fn stop_clock(at: Option<i64>) {
    STOPPED.set(at);
}

/// A protobuf timestamp as milliseconds since the epoch.
#[must_use]
pub fn from_proto(timestamp: &Timestamp) -> i64 {
    timestamp.seconds.saturating_mul(1000).saturating_add(i64::from(timestamp.nanos / 1_000_000))
}

/// A protobuf duration in milliseconds; `None` if it is negative.
#[must_use]
pub fn duration_from_proto(duration: &Duration) -> Option<i64> {
    let milliseconds =
        duration.seconds.checked_mul(1000)?.checked_add(i64::from(duration.nanos / 1_000_000))?;
    (milliseconds >= 0 && duration.nanos >= 0).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_survive_a_round_trip() {
        for milliseconds in [0, 1, 999, 1000, 1_795_000_000_123, -1, -1001] {
            assert_eq!(from_proto(&to_proto(milliseconds)), milliseconds);
        }
    }

    #[test]
    fn a_negative_duration_is_refused() {
        assert_eq!(duration_from_proto(&Duration { seconds: -1, nanos: 0 }), None);
        assert_eq!(duration_from_proto(&Duration { seconds: 2, nanos: 5_000_000 }), Some(2005));
    }
}
