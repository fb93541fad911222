//! Wrong credentials: how many may come from an address.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::bucket::Bucket;
use crate::{ErrorReason, Failure};

/// So many at once,
const BURST: f64 = 20.0;
/// and so many a second after that.
const RATE: f64 = 0.5;
/// The most addresses that are remembered at a time.
const REMEMBERED: u64 = 10_000;
/// How long one is remembered from which nothing wrong comes: by then its bucket is full again.
const IDLE: Duration = Duration::from_secs(60);

/// The addresses from which wrong credentials came of late.
pub(super) struct Guesses(Cache<IpAddr, Arc<Mutex<Bucket>>>);

impl Guesses {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build())
    }

    /// Whether another credential from there is looked at.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub(super) fn check(&self, from: Option<IpAddr>) -> Result<(), Failure> {
        let Some(bucket) = network(from).and_then(|from| self.0.get(&from)) else { return Ok(()) };
        let bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.look(RATE, BURST, Instant::now()).map_err(limited)
    }

    /// Counts a wrong one.
    ///
    /// # Errors
    /// RATE_LIMITED, if it is one too many.
    pub(super) fn wrong(&self, from: Option<IpAddr>) -> Result<(), Failure> {
        let Some(from) = network(from) else { return Ok(()) };
        let now = Instant::now();
        let bucket = self.0.get_with(from, || Arc::new(Mutex::new(Bucket::new(BURST, now))));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(RATE, BURST, now).map_err(limited)
    }
}

fn limited(wait: Duration) -> Failure {
    let text = "too many wrong credentials came from this address; come again with a valid one after a while";
    Failure::new(ErrorReason::RateLimited, text).retry_after(wait)
}

/// What is counted as one: who has an IPv6 address has its /64. Behind loopback may be a proxy for everyone.
fn network(from: Option<IpAddr>) -> Option<IpAddr> {
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
    fn an_address_has_so_many_and_another_its_own() {
        let guesses = Guesses::new();
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let (one, other) = (at("2001:db8::1"), at("2001:db8:0:1::1"));
        let wrong = |_: &i32| guesses.wrong(one).is_ok();
        assert_eq!((0..30).filter(wrong).count(), 20);
        let refused = guesses.check(at("2001:db8::ffff")).unwrap_err();
        assert_eq!(refused.code(), crate::Code::ResourceExhausted);
        assert!(refused.retry_after.is_some_and(|wait| wait <= Duration::from_secs(2)));
        assert!(guesses.check(other).is_ok() && guesses.wrong(other).is_ok());
        for nobody in [None, at("127.0.0.1"), at("::1")] {
            assert!(
                (0..30).all(|_| guesses.wrong(nobody).is_ok()) && guesses.check(nobody).is_ok()
            );
        }
    }
}
