//! `/metrics` as Prometheus reads it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::process::Stdio;

use entente_tests::Suite;
use entente_tests::suite::tool;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

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
