//! What is repeated, and what is not.

use std::time::{Duration, Instant};

use entente_rpc::link::MAX_ATTEMPTS;
use entente_rpc::{Code, ErrorReason, Failure, Limits, Status};

use crate::peer::{Peer, Script, deliver, resolve};

async fn failing(failures: impl IntoIterator<Item = Status>) -> Peer {
    let failures = std::sync::Mutex::new(failures.into_iter().collect());
    Peer::with(Script { failures, ..Default::default() }, Limits::default()).await
}

fn away() -> Status {
    Status::unavailable("for a moment")
}

#[tokio::test]
async fn an_idempotent_call_is_repeated_until_the_service_is_back() {
    let peer = failing([away(), away()]).await;
    resolve(&peer.link(), "").await.unwrap();
    assert_eq!(peer.script.calls(), 3);

    let peer = failing(std::iter::repeat_with(away).take(20)).await;
    assert_eq!(resolve(&peer.link(), "").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(peer.script.calls(), MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn a_call_that_is_not_is_made_once() {
    let peer = failing([away()]).await;
    assert_eq!(deliver(&peer.link(), "").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(peer.script.calls(), 1);
}

#[tokio::test]
async fn only_failures_that_pass_are_worth_another_try() {
    let conflict = || Failure::new(ErrorReason::Conflict, "changed");
    for (failure, calls) in [
        (Status::internal("broken"), 1),
        (Status::resource_exhausted("full"), 1),
        (conflict().into(), 1),
        (conflict().retry_after(Duration::from_millis(1)).into(), 2),
    ] {
        let peer = failing([failure]).await;
        assert_eq!(resolve(&peer.link(), "").await.is_ok(), calls == 2);
        assert_eq!(peer.script.calls(), calls);
    }
}

#[tokio::test]
async fn the_service_says_how_long_to_wait() {
    let later = |time| Failure::new(ErrorReason::Draining, "going").retry_after(time).into();
    let peer = failing([later(Duration::from_millis(300))]).await;
    let began = Instant::now();
    resolve(&peer.link(), "").await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    // Longer than anybody waits for it here.
    let peer = failing([later(Duration::from_secs(30))]).await;
    let began = Instant::now();
    assert_eq!(resolve(&peer.link(), "").await.unwrap_err().code(), Code::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(5) && peer.script.calls() == 1);
}
