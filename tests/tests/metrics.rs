//! `/metrics` as Prometheus reads it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::process::Stdio;

use entente_rpc::link;
use entente_tests::Suite;
use entente_tests::suite::tool;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Duration, timeout};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_takes_the_metrics_and_they_name_nobody() {
    let Some(program) = tool("ENTENTE_TEST_PROMTOOL", "deploy/promtool", "deploy-tools") else {
        return;
    };
    let (inviter, invitee) = (Suite::start().await, Suite::start().await);
    let (theirs, ours) = invitee.connect_to(&inviter).await;
    inviter.call("POST", "/out-of-band/create-invitation", json!({"bad": true})).await;
    let texts = [inviter.metrics().await, invitee.metrics().await];
    for texts in &texts {
        let kind = "\n# TYPE entente_exchange_transitions_total counter\n";
        assert!(texts.iter().any(|text| text.contains(kind)), "{texts:?}");
    }
    for text in texts.concat() {
        for nobody in [&ours.id, &theirs.id, &ours.my_did, &ours.their_did] {
            assert!(!text.contains(nobody.as_str()), "{nobody} is in\n{text}");
        }
        let mut check = Command::new(&program)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed at the end of the statement, which is the end of the input.
        check.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
        let output = check.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_series_does_not_grow_with_ids() {
    let suite = Suite::start().await;
    let series = async || {
        let (_, text) = suite.call("GET", "/metrics", json!(null)).await;
        text.lines().filter(|line| !line.starts_with('#')).count()
    };
    let call = async |count: usize| {
        for _ in 0..count {
            let id = entente_tests::peer::message("x/1.0/y", json!({}))["@id"].clone();
            let id = id.as_str().unwrap();
            suite.call("GET", &format!("/connections/{id}"), json!(null)).await;
            suite.call("GET", &format!("/nothing/{id}"), json!(null)).await;
            suite.call("DELETE", &format!("/connections/{id}"), json!(null)).await;
        }
    };
    call(10).await;
    let before = series().await;
    call(1_000).await;
    // A response code or a bucket more may come up, an id may not.
    let after = series().await;
    assert!(after <= before + 20, "{before} {after}");
}

/// Where anyone may ask, what says nothing is not waited for; who follows the health of a service over it is no such.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_are_closed() {
    let suite = Suite::in_five().await;
    let url = suite.metrics_urls[0].clone();
    let mut health = HealthClient::new(link::remote(&url, None).unwrap());
    let mut health = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(health.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut held = Vec::new();
    for beginning in ["", "PRI * HTTP/2.0\r\n\r\nSM", "\r\n", "G", "GET /metrics HTTP/1.1\r\nX: "] {
        let address = url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        held.push((beginning, socket));
    }
    for (beginning, mut socket) in held {
        let mut answer = Vec::new();
        let closed = timeout(Duration::from_secs(60), socket.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "it is still open: {beginning:?}");
    }
    assert!(health.next().now_or_never().is_none(), "the stream goes on");
    let metrics = suite.http.get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
}
