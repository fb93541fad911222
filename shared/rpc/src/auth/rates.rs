//! How much each of many may do over time.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::bucket::Bucket;

/// The most that are remembered at a time; who was longest idle is forgotten first.
const REMEMBERED: u64 = 10_000;

/// A bucket of tokens for each.
pub struct Rates<K> {
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
    rate: f64,
    burst: f64,
}

impl<K: Hash + Eq + Send + Sync + 'static> Rates<K> {
    /// So many a second, above 0, and so many at once, 1 at least.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        // By then its bucket is full again.
        let idle = Duration::from_secs_f64((burst / rate).clamp(1.0, 3600.0));
        Self {
            buckets: Cache::builder().max_capacity(REMEMBERED).time_to_idle(idle).build(),
            rate,
            burst,
        }
    }

    /// Whether it may do one more.
    ///
    /// # Errors
    /// How long until it may.
    pub fn look(&self, who: &K) -> Result<(), Duration> {
        let Some(bucket) = self.buckets.get(who) else { return Ok(()) };
        let bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.look(self.rate, self.burst, Instant::now())
    }

    /// Counts one more.
    ///
    /// # Errors
    /// How long until it may, if this is one too many.
    pub fn take(&self, who: K) -> Result<(), Duration> {
        let now = Instant::now();
        let new = || Arc::new(Mutex::new(Bucket::new(self.burst, now)));
        let bucket = self.buckets.get_with(who, new);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(self.rate, self.burst, now)
    }
}

/// What counts as one address: who has one of IPv6 has its /64. `None` for loopback: behind it may be a proxy for everyone.
#[must_use]
pub fn network(from: Option<IpAddr>) -> Option<IpAddr> {
    match from? {
        from if from.is_loopback() => None,
        IpAddr::V6(from) => Some(Ipv6Addr::from_bits(from.to_bits() >> 64 << 64).into()),
        from @ IpAddr::V4(_) => Some(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own() {
        let rates = Rates::new(0.5, 20.0);
        assert_eq!((0..30).filter(|_| rates.take("one").is_ok()).count(), 20);
        assert!(rates.look(&"one").is_err_and(|wait| wait <= Duration::from_secs(2)));
        assert_eq!((rates.look(&"other"), rates.take("other")), (Ok(()), Ok(())));
    }

    #[test]
    fn a_network_is_one_and_loopback_is_nobody() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        for nobody in ["127.0.0.1", "::1"] {
            assert_eq!(of(nobody), None);
        }
        assert_eq!(network(None), None);
    }
}
