//! The event log is checked over gRPC and by the command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::process::Output;

use entente_rpc::proto::event::v1::{LogFault, LogHead, VerifyLogRequest};
use entente_tests::Suite;
use entente_tests::suite::command;
use serde_json::Value;

fn verify(suite: &Suite, arguments: &[&str]) -> (Output, Value) {
    let mut command = command();
    command.args(["events", "verify", "--json", "--server", &suite.grpc_url]);
    let output = command.args(["--api-key", &suite.api_key]).args(arguments).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_was_noted_stands_for_the_log_up_to_it() {
    let (mut suite, peer) = (Suite::start().await, Suite::start().await);
    suite.connect_to(&peer).await;
    let (output, noted) = verify(&suite, &[]);
    assert!(output.status.success(), "{output:?}");
    let head = noted["head"].as_str().expect("a head").to_owned();
    let (sequence, hash) = head.split_once(':').expect("a sequence and a hash");
    assert!(sequence.parse::<i64>().unwrap() >= 5 && hash.len() == 64, "{head}");

    suite.restart().await;
    suite.invite().await;
    let (output, later) = verify(&suite, &["--expect", &head]);
    assert!(output.status.success(), "{output:?}");
    assert_ne!(later["head"], noted["head"]);
    let (output, other) = verify(&suite, &["--expect", &format!("{sequence}:{}", "00".repeat(32))]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        (&other["fault"], &other["fault_sequence"]),
        (&"not-expected".into(), &sequence.parse::<i64>().unwrap().into())
    );

    // What another agent has is another log.
    let hash = (0..64).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap());
    let expected = LogHead { sequence: 1, hash: hash.collect::<Vec<u8>>().into() };
    let request = VerifyLogRequest { expected_head: Some(expected), ..Default::default() };
    let answer = peer.events().verify_log(request).await.unwrap().into_inner();
    assert_eq!((answer.fault(), answer.fault_sequence), (LogFault::NotExpected, 1));
}
