//! A server that has enough to do says so at once; connections do not last for ever.

use std::time::{Duration, Instant};

use entente_rpc::{Code, ErrorReason, Failure, Limits, link};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::peer::{Peer, Script, deliver, resolve};

#[tokio::test]
async fn one_call_more_than_it_takes_is_refused_at_once_and_health_is_not() {
    let limits = Limits { calls: 2, ..Default::default() };
    let peer = Peer::with(Script::default(), limits).await;
    let link = peer.link();
    let waiting = || {
        let link = link.clone();
        tokio::spawn(async move { deliver(&link, "wait").await })
    };
    let under_way = [waiting(), waiting()];
    let mut begun = peer.script.waiting.subscribe();
    begun.wait_for(|waiting| *waiting == 2).await.unwrap();

    let began = Instant::now();
    let status = resolve(&link, "").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(status.code(), Code::ResourceExhausted);
    let failure = Failure::of(&status);
    assert_eq!(failure.reason, ErrorReason::Overloaded);
    assert!(failure.retry_after.is_some(), "{failure:?}");
    assert!(status.metadata().contains_key("grpc-retry-pushback-ms"));
    assert_eq!(peer.script.calls(), 2);
    let mut health = HealthClient::new(link.clone());
    health.check(HealthCheckRequest { service: String::new() }).await.unwrap();

    for call in under_way {
        peer.script.go_on.notify_one();
        call.await.unwrap().unwrap();
    }
    resolve(&link, "").await.unwrap();
}

#[tokio::test]
async fn calls_go_on_over_connections_that_come_of_age() {
    let limits = Limits { connection_age: Duration::from_millis(30), ..Default::default() };
    let peer = Peer::with(Script::default(), limits).await;
    let link = link::remote(&peer.address, None).unwrap();
    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < Duration::from_millis(400) {
        // None may be repeated, and none fails.
        deliver(&link, "").await.unwrap();
        calls += 1;
    }
    assert_eq!(peer.script.calls(), calls);
}

#[tokio::test]
async fn who_does_not_go_when_asked_is_cut_off() {
    let (connection_age, connection_grace) = (Duration::from_millis(50), Duration::from_millis(50));
    let limits = Limits { connection_age, connection_grace, ..Default::default() };
    let peer = Peer::with(Script::default(), limits).await;
    let status = deliver(&peer.link(), "wait").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}
