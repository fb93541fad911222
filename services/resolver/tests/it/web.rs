//! did:web against a server of our own, over plain HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use entente_rpc::{Code, ErrorReason};
use tokio::net::TcpListener;

use crate::support::{Resolver, serve};

async fn insecure() -> Resolver {
    Resolver::start(|config| {
        config.insecure_did_web = true;
        config.web_timeout = Duration::from_millis(400);
    })
    .await
}

/// Serves a body under `/.well-known/did.json`, made from the DID; gives the DID and a count of the requests.
async fn host(body: impl Fn(&str) -> String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let did = format!("did:web:127.0.0.1%3A{}", listener.local_addr().unwrap().port());
    let (count, body) = (Arc::new(AtomicUsize::new(0)), body(&did));
    let counted = count.clone();
    let answer = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        // So that concurrent callers meet.
        async move {
            tokio::time::sleep(Duration::from_millis(30)).await;
            body
        }
    };
    let router = Router::new().route("/.well-known/did.json", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (did, count)
}

fn document(did: &str) -> String {
    format!(r#"{{"id":"{did}","x-extra":1}}"#)
}

#[tokio::test]
async fn fetches_once_keeps_and_fetches_again_when_told() {
    let resolver = insecure().await;
    let (did, count) = host(document).await;
    let all = (0..8).map(|_| resolver.resolve(&did));
    for answer in futures_util::future::join_all(all).await {
        let answer = answer.unwrap();
        assert_eq!((answer.method.as_str(), answer.document_json), ("web", document(&did)));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1, "concurrent misses share a fetch");
    assert!(resolver.resolve(&did).await.unwrap().cached);
    assert!(!resolver.resolve_for("default", &did, true).await.unwrap().cached);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_document_lives_for_its_time() {
    let resolver = Resolver::start(|config| {
        config.insecure_did_web = true;
        config.web_ttl = Duration::from_millis(150);
    })
    .await;
    let (did, count) = host(document).await;
    resolver.resolve(&did).await.unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(!resolver.resolve(&did).await.unwrap().cached);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn refuses_what_is_not_the_document_of_the_did() {
    let resolver = insecure().await;
    let bodies: [fn(&str) -> String; 4] = [
        |_| document("did:web:other.example"),
        |_| "<html>".to_owned(),
        |did| document(did).replace("1}", &format!("\"{}\"}}", "x".repeat(300 * 1024))),
        |_| "[".repeat(10_000),
    ];
    for body in bodies {
        let (did, count) = host(body).await;
        for asked in 1..=2 {
            let failure = resolver.resolve(&did).await.unwrap_err();
            assert_eq!(failure.reason, ErrorReason::DidNotFound, "{failure}");
            assert_eq!(failure.metadata("error"), Some("invalidDidDocument"), "{failure}");
            assert_eq!(count.load(Ordering::SeqCst), asked, "failures are not cached");
        }
    }
}

#[tokio::test]
async fn says_what_the_host_answered() {
    let resolver = insecure().await;
    let router = Router::new()
        .route("/gone/did.json", get(StatusCode::GONE))
        .route("/busy/did.json", get(StatusCode::SERVICE_UNAVAILABLE))
        .route("/moved/did.json", get((StatusCode::FOUND, [(header::LOCATION, "/real/did.json")])))
        .route("/real/did.json", get(|| async { r#"{"id":"did:web:nobody.example"}"# }))
        .route(
            "/away/did.json",
            get((StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/did.json")])),
        )
        .route("/loop/did.json", get((StatusCode::FOUND, [(header::LOCATION, "/loop/did.json")])));
    let port = serve(router).await;
    for (path, reason, text) in [
        ("gone", ErrorReason::DidNotFound, "410"),
        ("none", ErrorReason::DidNotFound, "404"),
        ("busy", ErrorReason::EndpointUnavailable, "503"),
        ("moved", ErrorReason::DidNotFound, "its id is did:web:nobody.example"),
        ("away", ErrorReason::DidNotFound, "another host"),
        ("loop", ErrorReason::DidNotFound, "too often"),
    ] {
        let failure =
            resolver.resolve(&format!("did:web:127.0.0.1%3A{port}:{path}")).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{path}: {failure}");
        assert!(failure.message.contains(text), "{path}: {failure}");
        assert_eq!(failure.retry_after.is_some(), reason == ErrorReason::EndpointUnavailable);
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_unavailable() {
    let resolver = insecure().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = listener.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for port in [hanging, closed] {
        let began = Instant::now();
        let failure = resolver.resolve(&format!("did:web:127.0.0.1%3A{port}")).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.code()),
            (ErrorReason::EndpointUnavailable, Code::Unavailable)
        );
        assert!(failure.retry_after.is_some());
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn private_hosts_are_refused_before_anything_is_sent() {
    let resolver = Resolver::start(|_| {}).await;
    let failure = resolver.resolve("did:web:localhost%3A9").await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::EndpointRefused, "{failure}");
}

#[tokio::test]
async fn plain_http_is_not_spoken_unless_told() {
    let resolver = Resolver::start(|config| config.allow_private_addresses = true).await;
    let (did, count) = host(document).await;
    let did = did.replace("127.0.0.1", "localhost");
    let failure = resolver.resolve(&did).await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::EndpointUnavailable, "{failure}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
