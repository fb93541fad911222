//! What endpoints answer, and what becomes of it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::routing::post;
use entente_rpc::{Code, ErrorReason};
use tokio::net::TcpListener;

use crate::support::{ENVELOPE, Transport, closed_port, inbox, local, serve, to};

#[tokio::test]
async fn posts_the_envelope_as_it_is() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    let answer = transport.deliver(&url).await.unwrap();
    assert_eq!((answer.http_status, answer.reply.len()), (202, 0));
    let received = received.lock().unwrap();
    let [(headers, body)] = received.as_slice() else { panic!("one message") };
    assert_eq!(&body[..], ENVELOPE);
    assert_eq!(headers[header::CONTENT_TYPE], "application/didcomm-envelope-enc");
    assert!(headers[header::USER_AGENT].to_str().unwrap().starts_with("entente/"));
    assert!(transport.metrics().contains(r#"transport_deliveries_total{result="ok"} 1"#));
    assert!(transport.metrics().contains("transport_deliveries_in_flight 0"));
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let transport = Transport::start(local()).await;
    for status in [200, 201, 202, 204] {
        let answer = StatusCode::from_u16(status).unwrap();
        let url = serve(Router::new().route("/", post(answer))).await;
        assert_eq!(transport.deliver(&url).await.unwrap().http_status, i32::from(status));
    }
    for (status, again) in [
        (302, false),
        (304, false),
        (400, false),
        (401, false),
        (404, false),
        (410, false),
        (413, false),
        (415, false),
        (408, true),
        (425, true),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        let answer = StatusCode::from_u16(status).unwrap();
        let url = serve(Router::new().route("/", post(answer))).await;
        let failure = transport.deliver(&url).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.code()),
            (ErrorReason::EndpointUnavailable, Code::Unavailable)
        );
        assert_eq!(failure.metadata("http_status"), Some(status.to_string().as_str()));
        assert_eq!(failure.retry_after.is_some(), again, "{status}");
    }
    let busy = (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]);
    let url = serve(Router::new().route("/", post(busy))).await;
    assert_eq!(
        transport.deliver(&url).await.unwrap_err().retry_after,
        Some(Duration::from_secs(7))
    );
}

#[tokio::test]
async fn a_packed_answer_is_the_reply() {
    let transport = Transport::start(local()).await;
    let json = ([(header::CONTENT_TYPE, "application/json")], ENVELOPE);
    let typed = ([(header::CONTENT_TYPE, "application/didcomm-envelope-enc")], "packed");
    let huge = format!(r#"{{"protected":"{}"}}"#, "x".repeat(1 << 20));
    let router = Router::new()
        .route("/json", post(json))
        .route("/typed", post(typed))
        .route("/text", post("thank you for your message"))
        .route("/object", post(r#"{"ok":true}"#))
        .route("/huge", post(huge));
    let url = serve(router).await;
    for (path, reply) in
        [("json", ENVELOPE), ("typed", b"packed"), ("text", b""), ("object", b""), ("huge", b"")]
    {
        let answer = transport.deliver(&format!("{url}/{path}")).await.unwrap();
        assert_eq!(&answer.reply[..], reply, "{path}");
    }
}

#[tokio::test]
async fn an_answer_whose_body_hangs_is_delivered() {
    let transport = Transport::start(local()).await;
    let hang = || async {
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>())
    };
    let url = serve(Router::new().route("/", post(hang))).await;
    assert_eq!(transport.deliver(&url).await.unwrap().http_status, 200);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unavailable() {
    let transport = Transport::start(local()).await;
    let resetting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reset = format!("http://{}", resetting.local_addr().unwrap());
    tokio::spawn(async move { while resetting.accept().await.is_ok() {} });
    for url in [closed_port().await, reset] {
        let failure = transport.deliver(&url).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointUnavailable, "{failure}");
        assert!(failure.retry_after.is_some());
    }
    let failure = transport.deliver("http://nowhere.invalid").await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::EndpointUnavailable, "{failure}");
}

#[tokio::test]
async fn a_hanging_host_costs_no_more_than_the_time_out_or_the_callers_deadline() {
    let transport = Transport::start(local()).await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    for (deadline, at_most) in [(None, 1600), (Some(Duration::from_millis(100)), 500)] {
        let began = Instant::now();
        let failure = transport.send(to(&url), deadline).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointUnavailable);
        assert!(began.elapsed() < Duration::from_millis(at_most), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn only_307_is_followed() {
    let transport = Transport::start(local()).await;
    let (url, received) = inbox().await;
    let redirect = |status, to: &str| post((status, [(header::LOCATION, to.to_owned())]));
    let router = Router::new()
        .route("/307", redirect(StatusCode::TEMPORARY_REDIRECT, &url))
        .route("/302", redirect(StatusCode::FOUND, &url))
        .route("/loop", redirect(StatusCode::TEMPORARY_REDIRECT, "/loop"))
        .route("/ftp", redirect(StatusCode::TEMPORARY_REDIRECT, "ftp://agent.example/"));
    let moved = serve(router).await;
    assert_eq!(transport.deliver(&format!("{moved}/307")).await.unwrap().http_status, 202);
    assert_eq!(&received.lock().unwrap()[0].1[..], ENVELOPE);
    for (path, reason) in [
        ("302", ErrorReason::EndpointUnavailable),
        ("loop", ErrorReason::EndpointUnavailable),
        ("ftp", ErrorReason::EndpointRefused),
    ] {
        let failure = transport.deliver(&format!("{moved}/{path}")).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{path}: {failure}");
    }
    assert_eq!(received.lock().unwrap().len(), 1);
}
