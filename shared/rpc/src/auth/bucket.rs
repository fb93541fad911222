//! How much somebody may do over time: a bucket of tokens that fills again.

use std::time::{Duration, Instant};

/// The tokens that are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(burst: f64, now: Instant) -> Self {
        Self { tokens: burst, at: now }
    }

    /// Looks whether there is a token, of which `rate` come in a second, up to `burst`.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub(super) fn look(&self, rate: f64, burst: f64, now: Instant) -> Result<(), Duration> {
        Self { ..*self }.take(rate, burst, now)
    }

    /// Takes a token, of which `rate` come in a second, up to `burst`.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub(super) fn take(&mut self, rate: f64, burst: f64, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(burst);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_a_burst_and_then_the_rate() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut bucket = Bucket::new(3.0, start);
        let mut take = |millis| bucket.take(2.0, 3.0, at(millis));
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(Duration::from_millis(500)));
        assert_eq!(take(500), Ok(()));
        assert_eq!(take(750), Err(Duration::from_millis(250)));
        assert_eq!([take(60_000), take(60_000), take(60_000)], [Ok(()); 3]);
        assert!(take(60_000).is_err());
    }
}
