use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> (Breaker, Instant) {
    let settings = BreakerSettings { failures: 3, backoff: SECOND, max_backoff: 3 * SECOND };
    (Breaker::new(settings), Instant::now())
}

fn opened() -> (Breaker, Instant) {
    let (mut breaker, now) = breaker();
    for _ in 0..3 {
        assert_eq!(breaker.admit(now), Ok(()));
        breaker.fail(now);
    }
    (breaker, now)
}

#[test]
fn opens_after_failures_in_a_row_only() {
    let (mut breaker, now) = breaker();
    for _ in 0..5 {
        breaker.fail(now);
        breaker.fail(now);
        breaker.succeed();
        assert_eq!(breaker.admit(now), Ok(()));
        assert!(!breaker.is_open());
    }
    let (mut breaker, now) = opened();
    assert!(breaker.is_open());
    assert_eq!(breaker.admit(now), Err(SECOND));
    assert_eq!(breaker.admit(now + SECOND / 4), Err(SECOND * 3 / 4));
}

#[test]
fn lets_one_try_through_after_the_backoff() {
    let (mut breaker, now) = opened();
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
    assert_eq!(breaker.admit(now + SECOND), Err(SECOND));
    breaker.succeed();
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
}

#[test]
fn doubles_the_backoff_up_to_the_limit() {
    let (mut breaker, mut now) = opened();
    for backoff in [2 * SECOND, 3 * SECOND, 3 * SECOND] {
        now += 3 * SECOND;
        assert_eq!(breaker.admit(now), Ok(()));
        breaker.fail(now);
        assert_eq!(breaker.admit(now), Err(backoff));
    }
    breaker.succeed();
    for _ in 0..3 {
        breaker.fail(now);
    }
    assert_eq!(breaker.admit(now), Err(SECOND), "a success forgets the back-off");
}

#[test]
fn an_abandoned_try_lets_the_next_one_through() {
    let (mut breaker, now) = opened();
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
    breaker.abandon(now + SECOND);
    assert!(breaker.is_open());
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
}

#[test]
fn a_late_failure_does_not_prolong() {
    let (mut breaker, now) = opened();
    breaker.fail(now + SECOND / 2);
    assert_eq!(breaker.admit(now + SECOND), Ok(()));
}
