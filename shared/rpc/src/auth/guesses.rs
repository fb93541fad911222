//! Wrong credentials: how many may come from an address.

use std::net::IpAddr;
use std::time::Duration;

use super::rates::{Rates, network};
use crate::{ErrorReason, Failure};

/// So many at once,
const BURST: f64 = 20.0;
/// and so many a second after that.
const RATE: f64 = 0.5;

/// The addresses from which wrong credentials came of late.
pub(super) struct Guesses(Rates<IpAddr>);

impl Guesses {
    pub(super) fn new() -> Self {
        Self(Rates::new(RATE, BURST))
    }

    /// Whether another credential from there is looked at.
    ///
    /// # Errors
    /// RATE_LIMITED.
    pub(super) fn check(&self, from: Option<IpAddr>) -> Result<(), Failure> {
        network(from).map_or(Ok(()), |from| self.0.look(&from)).map_err(limited)
    }

    /// Counts a wrong one.
    ///
    /// # Errors
    /// RATE_LIMITED, if it is one too many.
    pub(super) fn wrong(&self, from: Option<IpAddr>) -> Result<(), Failure> {
        network(from).map_or(Ok(()), |from| self.0.take(from)).map_err(limited)
    }
}

fn limited(wait: Duration) -> Failure {
    let text = "too many wrong credentials came from this address; come again with a valid one after a while";
    Failure::new(ErrorReason::RateLimited, text).retry_after(wait)
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
