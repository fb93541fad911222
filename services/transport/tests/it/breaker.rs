//! The breaker spares a host that fails, and lets it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use entente_rpc::{Code, ErrorReason};
use entente_transport::{BreakerSettings, Config};

use crate::support::{Transport, closed_port, inbox, local, serve};

const BACKOFF: Duration = Duration::from_millis(150);

fn config() -> Config {
    let breaker = BreakerSettings { failures: 2, backoff: BACKOFF, max_backoff: 4 * BACKOFF };
    Config { breaker, ..local() }
}

#[tokio::test]
async fn opens_after_failures_and_closes_when_the_host_is_back() {
    let transport = Transport::start(config()).await;
    let (status, asked) = (Arc::new(AtomicU16::new(503)), Arc::new(AtomicUsize::new(0)));
    let (now, count) = (status.clone(), asked.clone());
    let answer = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        StatusCode::from_u16(now.load(Ordering::SeqCst)).unwrap()
    };
    let url = serve(Router::new().route("/{*path}", post(answer))).await;
    for path in ["a", "b"] {
        let failure = transport.deliver(&format!("{url}/{path}")).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointUnavailable);
    }
    // Any path of the origin, since it is the host that fails.
    let failure = transport.deliver(&format!("{url}/c")).await.unwrap_err();
    assert_eq!((failure.reason, failure.code()), (ErrorReason::CircuitOpen, Code::Unavailable));
    assert!(failure.retry_after.is_some_and(|delay| delay <= BACKOFF), "{failure:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the host is spared");
    assert!(transport.metrics().contains("transport_breakers_open 1"));
    transport.deliver(&inbox().await.0).await.unwrap();

    status.store(202, Ordering::SeqCst);
    tokio::time::sleep(BACKOFF).await;
    for path in ["a", "b"] {
        transport.deliver(&format!("{url}/{path}")).await.unwrap();
    }
    assert!(transport.metrics().contains("transport_breakers_open 0"));
}

#[tokio::test]
async fn a_host_that_refuses_connections_opens_it() {
    let transport = Transport::start(config()).await;
    let url = closed_port().await;
    for _ in 0..2 {
        assert_eq!(
            transport.deliver(&url).await.unwrap_err().reason,
            ErrorReason::EndpointUnavailable
        );
    }
    assert_eq!(transport.deliver(&url).await.unwrap_err().reason, ErrorReason::CircuitOpen);
}

#[tokio::test]
async fn answers_to_single_messages_do_not_open_it() {
    let transport = Transport::start(config()).await;
    for status in
        [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS]
    {
        let url = serve(Router::new().route("/", post(status))).await;
        for _ in 0..4 {
            assert_eq!(
                transport.deliver(&url).await.unwrap_err().reason,
                ErrorReason::EndpointUnavailable
            );
        }
    }
}

#[tokio::test]
async fn callers_in_a_hurry_do_not_open_it() {
    let transport = Transport::start(config()).await;
    let slow = || async { tokio::time::sleep(Duration::from_millis(150)).await };
    let url = serve(Router::new().route("/", post(slow))).await;
    for _ in 0..4 {
        let hurried =
            transport.send(crate::support::to(&url), Some(Duration::from_millis(20))).await;
        assert_eq!(hurried.unwrap_err().reason, ErrorReason::EndpointUnavailable);
    }
    transport.deliver(&url).await.unwrap();
}
