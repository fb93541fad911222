//! A gRPC client in another language: Python's grpcio, with the service config that is shipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::Duration;

use entente_tests::Suite;
use entente_tests::suite::{Replicas, tool};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/grpcio/client.py");
const SERVICE_CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/service-config.json");

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the client saw. `None` where it is not installed.
async fn seen(check: &str, suite: &Suite, more: &[&str]) -> Option<Vec<Value>> {
    let target = suite.grpc_url.trim_start_matches("http://");
    run(check, &[&[target, &suite.api_key], more].concat()).await
}

async fn run(check: &str, arguments: &[&str]) -> Option<Vec<Value>> {
    let mut command = Command::new(tool("ENTENTE_TEST_GRPCIO", "grpcio/bin/python", "grpcio")?);
    command.arg(CLIENT).arg(check).args(arguments).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{check}: not in {PATIENCE:?}")).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{check}: {said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_details_that_it_reads() {
    let Some(seen) = seen("errors", &Suite::start().await, &[]).await else { return };
    assert_eq!(seen[0]["code"], "NOT_FOUND", "{seen:?}");
    assert_eq!(seen[0]["ErrorInfo"]["domain"], "entente", "{seen:?}");
    assert!(seen[0]["ErrorInfo"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(seen[1]["code"], "INVALID_ARGUMENT", "{seen:?}");
    assert_eq!(seen[1]["ErrorInfo"]["reason"], "INVALID_FIELD", "{seen:?}");
    assert_eq!(seen[1]["BadRequest"]["fieldViolations"][0]["field"], "page_size", "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_repeats_what_the_service_config_says() {
    let suite = Suite::start().await;
    let Some(seen) = seen("retries", &suite, &[SERVICE_CONFIG]).await else { return };
    // ListConnections is called until it is answered, SendPing once.
    assert_eq!(seen, [json!({"code": "UNAVAILABLE", "attempts": [[null, "1", "2"], [null]]})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_watches_health_to_the_end() {
    let suite = Suite::start().await;
    let Some(seen) = seen("health", &suite, &[&suite.pid().to_string()]).await else { return };
    let expected = [
        json!({"check": "SERVING"}),
        json!({"unknown": "NOT_FOUND"}),
        json!({"first": ["SERVING", "SERVICE_UNKNOWN"], "open": true}),
    ];
    assert_eq!(seen[..3], expected);
    assert_eq!(seen[3]["then"], "NOT_SERVING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_round_the_addresses() {
    let Some(replicas) = Replicas::start(3, &[]).await else { return };
    let addresses: Vec<_> =
        replicas.suites.iter().map(|suite| suite.grpc_url.trim_start_matches("http://")).collect();
    let key = &replicas.suites[0].api_key;
    let arguments = [&addresses.join(","), key, SERVICE_CONFIG, "300"];
    let Some(seen) = run("balanced", &arguments).await else { return };
    assert_eq!(seen, [json!({"calls": 300})]);
    let labels = "service=\"entente.connection.v1.ConnectionService\",method=\"ListConnections\"";
    let name = format!("entente_rpc_requests_total{{{labels},code=\"OK\"}}");
    for suite in &replicas.suites {
        let calls = suite.metric(&name).await;
        assert!((80.0..=120.0).contains(&calls), "{calls} of 300 at one of three");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_may_ping_often() {
    let Some(seen) = seen("pings", &Suite::start().await, &[]).await else { return };
    assert_eq!(seen, [json!({"cursor": "0", "active": true, "lost": false})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_learns_what_is_too_large() {
    let Some(seen) = seen("sizes", &Suite::start().await, &[]).await else { return };
    assert_eq!(seen[0], json!({"size": 4 << 20, "code": "INVALID_ARGUMENT"}));
    assert_eq!(seen[1], json!({"size": (4 << 20) + 1, "code": "RESOURCE_EXHAUSTED"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_deadline_is_kept() {
    let (mut inviter, invitee) = (Suite::start().await, Suite::start().await);
    let invitation = inviter.invite_many().await.url;
    inviter.kill9();
    let Some(seen) = seen("deadline", &invitee, &[&invitation]).await else { return };
    assert_eq!(seen, [json!({"code": "DEADLINE_EXCEEDED", "soon": true})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_when_to_come_again() {
    let suite = Suite::start().await;
    suite.invite_many().await;
    let Some(seen) = seen("drained", &suite, &[&suite.pid().to_string()]).await else { return };
    assert_eq!(seen[0]["code"], "UNAVAILABLE", "{seen:?}");
    assert_eq!(seen[0]["ErrorInfo"]["metadata"]["cursor"], "1", "{seen:?}");
    assert_eq!(seen[0]["RetryInfo"]["retryDelay"], "1s", "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_calls_over_a_unix_socket() {
    let suite = Suite::in_five_over_unix_sockets().await;
    let Some(seen) = seen("socket", &suite, &[]).await else { return };
    assert_eq!(seen, [json!({"connections": 0})]);
}
