//! Short invitation URLs (RFC 0434).

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use entente_rpc::ErrorReason;
use tokio::net::TcpListener;

use crate::support::{Transport, closed_port, local, serve};

const INVITATION: &str = r#"{"@type":"https://didcomm.org/out-of-band/1.1/invitation","@id":"i"}"#;

#[tokio::test]
async fn gives_the_json_or_the_long_url() {
    let transport = Transport::start(local()).await;
    let to =
        |status: StatusCode, location: &'static str| get((status, [(header::LOCATION, location)]));
    let json = |headers: HeaderMap| async move {
        assert_eq!(headers[header::ACCEPT], "application/json");
        ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], INVITATION)
    };
    let router = Router::new()
        .route("/json", get(json))
        .route("/long", to(StatusCode::MOVED_PERMANENTLY, "https://agent.example/?oob=e30"))
        .route("/legacy", to(StatusCode::FOUND, "https://agent.example/?c_i=e30"))
        .route("/v2", to(StatusCode::FOUND, "https://agent.example/path?x=1&_oob=e30"))
        .route("/app", to(StatusCode::FOUND, "didcomm://?oob=e30"))
        .route("/relative", to(StatusCode::TEMPORARY_REDIRECT, "json"))
        .route("/three", to(StatusCode::FOUND, "/two"))
        .route("/two", to(StatusCode::FOUND, "/relative"));
    let url = serve(router).await;
    for (path, invitation) in [
        ("json", INVITATION),
        ("long", "https://agent.example/?oob=e30"),
        ("legacy", "https://agent.example/?c_i=e30"),
        ("v2", "https://agent.example/path?x=1&_oob=e30"),
        ("app", "didcomm://?oob=e30"),
        ("relative", INVITATION),
        ("three", INVITATION),
    ] {
        assert_eq!(
            transport.fetch(&format!("{url}/{path}")).await.as_deref(),
            Ok(invitation),
            "{path}"
        );
    }
    let long = "https://agent.example/?oob=e30";
    assert_eq!(transport.fetch(long).await.as_deref(), Ok(long), "a long URL is not fetched");
}

#[tokio::test]
async fn says_why_there_is_no_invitation() {
    let transport = Transport::start(local()).await;
    let router = Router::new()
        .route("/page", get(([(header::CONTENT_TYPE, "text/html")], "<html>")))
        .route("/list", get("[]"))
        .route("/empty", get(""))
        .route("/gone", get(StatusCode::GONE))
        .route("/huge", get(format!("{{\"x\":\"{}\"}}", "x".repeat(65 * 1024))))
        .route("/loop", get((StatusCode::FOUND, [(header::LOCATION, "/loop")])))
        .route("/nowhere", get(StatusCode::FOUND))
        .route("/file", get((StatusCode::FOUND, [(header::LOCATION, "file:///etc/passwd")])))
        .route("/busy", get(StatusCode::SERVICE_UNAVAILABLE));
    let url = serve(router).await;
    for (path, reason, text) in [
        ("page", ErrorReason::InvalidInvitation, "text/html"),
        ("list", ErrorReason::InvalidInvitation, "no JSON object"),
        ("empty", ErrorReason::InvalidInvitation, "no JSON object"),
        ("gone", ErrorReason::InvalidInvitation, "410"),
        ("none", ErrorReason::InvalidInvitation, "404"),
        ("huge", ErrorReason::InvalidInvitation, "longer than 65536 bytes"),
        ("loop", ErrorReason::InvalidInvitation, "too often"),
        ("nowhere", ErrorReason::InvalidInvitation, "nowhere"),
        ("file", ErrorReason::EndpointRefused, "file"),
        ("busy", ErrorReason::EndpointUnavailable, "503"),
    ] {
        let failure = transport.fetch(&format!("{url}/{path}")).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{path}: {failure}");
        assert!(failure.message.contains(text), "{path}: {failure}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_unavailable() {
    let transport = Transport::start(local()).await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for url in [format!("http://{}", hanging.local_addr().unwrap()), closed_port().await] {
        let failure = transport.fetch(&url).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointUnavailable, "{failure}");
        assert!(failure.retry_after.is_some());
    }
}
