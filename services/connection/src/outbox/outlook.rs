//! What a failed delivery says about another attempt.

use entente_rpc::{ErrorReason, Failure};

use crate::store::Outgoing;

/// How often a message may be rejected: with the waits of the schedule that takes nine minutes.
const REJECTIONS: i32 = 10;

/// What to expect of another attempt, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outlook {
    /// It can only fail the same way. 410 says that the endpoint is gone for good (RFC 9110, 15.5.11).
    Hopeless,
    /// The endpoint answered, and said no. Neither version of DIDComm gives a status more meaning than that, and some
    /// mean "not yet": agents answer 400 to a message for a DID that another replica has not stored so far, and proxies
    /// 404 while what is behind them is replaced. So it is tried again, but not for as long as one that does not answer:
    /// mostly it is the message that is refused.
    Rejected,
    /// The endpoint did not answer, or asked to be tried again.
    Open,
}

impl Outlook {
    pub fn of(failure: &Failure) -> Self {
        use ErrorReason as R;
        let status = failure.metadata("http_status");
        match failure.reason {
            R::EndpointRefused
            | R::KeyNotFound
            | R::WrongKeyType
            | R::InvalidField
            | R::InvalidDid
            | R::TooLarge => Self::Hopeless,
            _ if status == Some("410") => Self::Hopeless,
            // The transport gives a status that may change a time to come again.
            _ if status.is_some() && failure.retry_after.is_none() => Self::Rejected,
            _ => Self::Open,
        }
    }

    /// Whether a message is given up after a failed attempt, of which it may have so many.
    pub fn ends(self, message: &Outgoing, most: i32) -> bool {
        match self {
            Self::Hopeless => true,
            Self::Rejected if message.rejections + 1 >= REJECTIONS => true,
            Self::Rejected | Self::Open => message.attempts + 1 >= most,
        }
    }
}

/// The failure of two endpoints: what it says about another attempt is what the better one says.
pub(super) fn both(one: Failure, other: Failure) -> Failure {
    let message = format!("{}; {}", one.message, other.message);
    let (of_one, of_other) = (Outlook::of(&one), Outlook::of(&other));
    let retry_after = match of_one == of_other {
        true => one.retry_after.min(other.retry_after),
        false if of_one > of_other => one.retry_after,
        false => other.retry_after,
    };
    let better = if of_one >= of_other { one } else { other };
    Failure { message, retry_after, ..better }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answered(status: &str, retry_after: Option<u64>) -> Failure {
        let failure = Failure::new(ErrorReason::EndpointUnavailable, format!("answered {status}"))
            .with("http_status", status);
        Failure { retry_after: retry_after.map(Duration::from_secs), ..failure }
    }

    fn silent() -> Failure {
        Failure::new(ErrorReason::EndpointUnavailable, "no answer")
            .retry_after(Duration::from_secs(1))
    }

    #[test]
    fn what_an_endpoint_says_decides() {
        for (failure, expected) in [
            (answered("410", None), Outlook::Hopeless),
            (Failure::new(ErrorReason::EndpointRefused, "private"), Outlook::Hopeless),
            (answered("400", None), Outlook::Rejected),
            (answered("404", None), Outlook::Rejected),
            (answered("301", None), Outlook::Rejected),
            (answered("503", Some(9)), Outlook::Open),
            (answered("429", Some(9)), Outlook::Open),
            (silent(), Outlook::Open),
            (Failure::new(ErrorReason::CircuitOpen, "spared"), Outlook::Open),
            (Failure::new(ErrorReason::DidNotFound, "unresolved"), Outlook::Open),
        ] {
            assert_eq!(Outlook::of(&failure), expected, "{failure:?}");
        }
    }

    #[test]
    fn the_better_of_two_endpoints_decides() {
        for (one, other, expected, retry_after) in [
            (answered("410", None), answered("410", None), Outlook::Hopeless, None),
            (answered("410", None), answered("400", None), Outlook::Rejected, None),
            (answered("400", None), answered("503", Some(9)), Outlook::Open, Some(9)),
            (silent(), answered("503", Some(9)), Outlook::Open, Some(1)),
        ] {
            for (one, other) in [(one.clone(), other.clone()), (other, one)] {
                let failure = both(one.clone(), other.clone());
                assert_eq!(Outlook::of(&failure), expected, "{failure:?}");
                assert_eq!(failure.retry_after, retry_after.map(Duration::from_secs));
                assert_eq!(failure.message, format!("{}; {}", one.message, other.message));
            }
        }
    }
}
