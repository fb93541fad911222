//! Deadlines: a call has one, its handler stops there, and what remains goes with the calls that the handler makes.

use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};

use crate::{ErrorReason, Failure, Status};

tokio::task_local! {
    static DEADLINE: Instant;
}

/// How long a unary call without a deadline may take: longer than the longest `wait` that a request may ask for.
pub const DEFAULT: Duration = Duration::from_secs(60);

const HEADER: &str = "grpc-timeout";
/// What a service keeps of its time for itself when it calls another: a twentieth, and at most this.
const MARGIN: Duration = Duration::from_millis(50);

/// What is kept of a caller's time, so that this side ends the call and not the transport, whose timer would say
/// CANCELLED: timers go by the millisecond, rounded up.
const GRANULARITY: Duration = Duration::from_millis(2);

/// The time that a handler has left for what it waits for, less some to answer in. `None` where nobody waits.
#[must_use]
pub fn remaining() -> Option<Duration> {
    inherited().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// The deadline of a call that is made on behalf of the call being served: a little before that one's.
pub(crate) fn inherited() -> Option<Instant> {
    let deadline = DEADLINE.try_with(|deadline| *deadline).ok()?;
    let left = deadline.saturating_duration_since(Instant::now());
    deadline.checked_sub((left / 20).min(MARGIN))
}

/// The deadline that the caller gave to a call that has just come in.
pub(crate) fn given(headers: &HeaderMap) -> Option<Instant> {
    // A day is as good as for ever, and no clock overflows.
    let time = headers.get(HEADER).and_then(read)?.min(Duration::from_secs(24 * 3600));
    Some(Instant::now() + time.saturating_sub(GRANULARITY))
}

/// The deadline of a call: the caller's and the inherited one, whichever is sooner; else the default, if it has one.
pub(crate) fn of_call(headers: &HeaderMap, unary: bool) -> Option<Instant> {
    match (given(headers), inherited()) {
        (Some(given), Some(inherited)) => Some(given.min(inherited)),
        (None, None) => unary.then(|| Instant::now() + DEFAULT),
        (given, inherited) => given.or(inherited),
    }
}

/// Does the work, and stops it at the deadline.
pub(crate) async fn within<F: Future>(
    deadline: Option<Instant>,
    work: F,
) -> Result<F::Output, Failure> {
    let Some(deadline) = deadline else { return Ok(work.await) };
    timeout_at(deadline, DEADLINE.scope(deadline, work)).await.map_err(|_| exceeded())
}

pub(crate) fn exceeded() -> Failure {
    Failure::new(ErrorReason::DeadlineExceeded, "the call was not done by its deadline")
}

pub(crate) fn exceeded_status() -> Status {
    exceeded().into()
}

/// Tells the other side what remains until a deadline.
pub(crate) fn write(headers: &mut HeaderMap, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    // Rounded up, so that our own clock is the first to run out. A day in milliseconds has eight digits.
    let text = format!("{}m", left.as_millis() + 1);
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(HEADER, value);
    }
}

/// gRPC's `grpc-timeout`: at most eight digits and a unit.
fn read(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digit = |byte: u8| byte.is_ascii_digit();
    let count: u32 =
        digits.parse().ok().filter(|_| digits.len() <= 8 && digits.bytes().all(digit))?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    unit.checked_mul(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_read_in_every_unit() {
        let read = |text: &'static str| read(&HeaderValue::from_static(text));
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("99999999H"), Duration::from_secs(3600).checked_mul(99_999_999));
        for text in ["", "S", "1", "x", "-1S", "+1S", "123456789S", "1.5S"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_remains_shrinks_on_the_way() {
        assert_eq!(remaining(), None);
        let given = Duration::from_secs(100);
        let mut headers = HeaderMap::new();
        write(&mut headers, Instant::now() + given);
        let (below, here) = within(of_call(&headers, true), async {
            let below = of_call(&HeaderMap::new(), true);
            tokio::time::sleep(Duration::from_millis(20)).await;
            (within(below, async { remaining() }).await.unwrap(), remaining())
        })
        .await
        .unwrap();
        assert!(
            below < here && here < Some(given - Duration::from_millis(60)),
            "{below:?} {here:?}"
        );
        assert!(below > Some(given / 2), "{below:?}");
    }

    #[tokio::test]
    async fn work_stops_at_the_deadline_and_only_unary_calls_have_a_default() {
        assert_eq!(of_call(&HeaderMap::new(), false), None);
        let default = of_call(&HeaderMap::new(), true).unwrap() - Instant::now();
        assert!(default <= DEFAULT && default > DEFAULT / 2, "{default:?}");
        let deadline = Some(Instant::now() + Duration::from_millis(5));
        let failure = within(deadline, std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(failure.code(), crate::Code::DeadlineExceeded);
    }
}
