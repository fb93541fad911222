//! Deliveries under way to one origin are limited, and so are those that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use entente_rpc::{Code, ErrorReason};
use entente_transport::Config;
use futures_util::future::join_all;

use crate::support::{Transport, inbox, local, serve};

/// A slow agent, and the most requests it had at the same time.
async fn slow() -> (String, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = most.clone();
    let take = move || async move {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        now.fetch_sub(1, Ordering::SeqCst);
    };
    (serve(Router::new().route("/", post(take))).await, most)
}

#[tokio::test]
async fn no_more_than_allowed_at_the_same_time() {
    let transport = Transport::start(Config { max_in_flight: 2, ..local() }).await;
    let (url, most) = slow().await;
    for delivered in join_all((0..8).map(|_| transport.deliver(&url))).await {
        delivered.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn more_than_may_wait_are_refused_and_other_origins_go_on() {
    let transport = Transport::start(Config { max_in_flight: 1, max_waiting: 2, ..local() }).await;
    let ((url, most), (other, _)) = (slow().await, inbox().await);
    let (delivered, elsewhere) =
        tokio::join!(join_all((0..6).map(|_| transport.deliver(&url))), transport.deliver(&other));
    elsewhere.unwrap();
    let (ok, refused): (Vec<_>, Vec<_>) = delivered.into_iter().partition(Result::is_ok);
    assert_eq!((ok.len(), refused.len(), most.load(Ordering::SeqCst)), (3, 3, 1));
    for failure in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(
            (failure.reason, failure.code()),
            (ErrorReason::Overloaded, Code::ResourceExhausted)
        );
        assert!(failure.retry_after.is_some());
    }
    transport.deliver(&url).await.unwrap();
}

#[tokio::test]
async fn who_waits_too_long_is_told_so() {
    let config = Config { max_in_flight: 1, timeout: Duration::from_millis(120), ..local() };
    let transport = Transport::start(config).await;
    let (url, _) = slow().await;
    let delivered = join_all((0..6).map(|_| transport.deliver(&url))).await;
    let late = delivered
        .into_iter()
        .filter_map(Result::err)
        .find(|failure| failure.reason == ErrorReason::Overloaded);
    assert!(late.is_some());
}
