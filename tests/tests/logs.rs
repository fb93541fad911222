//! What the log says, and what it must not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use entente_rpc::proto::connection::v1::{
    Connection, CreateInvitationRequest, Invitation, InvitationKind, ReuseOutcome,
    SendBasicMessageRequest,
};
use entente_rpc::proto::event::v1::EventKind;
use entente_tests::Suite;
use entente_tests::suite::eventually;
use serde_json::{Value, json};

const LABEL: &str = "Label-of-somebody";
const WORDS: &str = "words-between-two";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A handshake, a reuse, and words in both directions.
async fn story(inviter: &Suite, invitee: &Suite) -> (Invitation, Vec<Connection>) {
    let kind = InvitationKind::MultiUse.into();
    let invitation = inviter
        .invite_with(CreateInvitationRequest {
            kind,
            label: Some(LABEL.to_owned()),
            ..Default::default()
        })
        .await;
    let first = invitee.accept(&invitation.url).await;
    let again = invitee.accept(&invitation.url).await;
    assert_eq!(again.decision.unwrap().outcome(), ReuseOutcome::Reused);
    let theirs = inviter.connection_of(&invitation.id).await;
    let ours = invitee.all_connections().await.remove(0);
    assert_eq!(ours.id, first.connection_id);
    for (suite, connection) in [(inviter, &theirs), (invitee, &ours)] {
        let content = WORDS.to_owned();
        let connection_id = connection.id.clone();
        let request = SendBasicMessageRequest { connection_id, content, ..Default::default() };
        suite.messages().send_basic_message(request).await.unwrap();
    }
    for suite in [inviter, invitee] {
        eventually("the words arrive", async || {
            let events = suite.all_events().await;
            events.iter().any(|event| event.kind() == EventKind::BasicMessageReceived).then_some(())
        })
        .await;
    }
    (invitation, vec![ours, theirs])
}

/// What nobody may read in a log: keys, tokens, and what was said.
fn secrets(suite: &Suite) -> Vec<String> {
    let master = std::fs::read(suite.data_dir().join("master.key")).unwrap();
    let hex = master.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    vec![
        suite.api_key.clone(),
        hex,
        STANDARD.encode(&master).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(&master),
        bs58::encode(&master).into_string(),
        WORDS.to_owned(),
        "ciphertext".to_owned(),
        "@type".to_owned(),
        // How JSON begins in base64.
        "eyJ".to_owned(),
    ]
}

/// What says who talks with whom.
fn names(invitation: &Invitation, connections: &[Connection]) -> Vec<String> {
    let mut names = vec![LABEL.to_owned(), "did:".to_owned(), invitation.did.clone()];
    names.extend(
        connections
            .iter()
            .flat_map(|connection| [&connection.my_did, &connection.their_did])
            .cloned(),
    );
    names.push(invitation.key.clone());
    names
}

fn has_none(log: &str, level: &str, texts: &[String]) {
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let line = log.lines().find(|line| line.contains(text.as_str()));
        assert!(line.is_none(), "{text} is in the log at {level}: {}", line.unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_nobody_and_at_debug_no_secret() {
    for level in ["info", "debug"] {
        let arguments = ["--log-level", level, "--log-format", "json", "--label", LABEL];
        let (inviter, invitee) = (Suite::with(&arguments).await, Suite::with(&arguments).await);
        let (invitation, connections) = story(&inviter, &invitee).await;
        for suite in [&inviter, &invitee] {
            // A new key is shown once, beside the log.
            let log = suite.log();
            let log: String = log
                .lines()
                .filter(|line| line.starts_with('{'))
                .map(|line| format!("{line}\n"))
                .collect();
            has_none(&log, level, &secrets(suite));
            if level == "info" {
                has_none(&log, level, &names(&invitation, &connections));
            }
            let calls = log.lines().filter(|line| line.contains("\"target\":\"access\"")).count();
            assert_eq!(calls > 0, level == "debug", "{log}");
            log.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_found_in_the_log_by_its_id_and_trace() {
    let arguments = ["--log-level", "debug", "--log-format", "json"];
    let suite = Suite::with(&arguments).await;
    let url = format!("{}/connections", suite.admin_url);
    let call = async |id: Option<&str>| {
        let mut request = suite.http.get(&url).bearer_auth(&suite.api_key);
        request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(call(Some("order-17")).await, "order-17");
    let made = call(None).await;
    let replaced = call(Some("\"},{\"forged\":\"")).await;
    assert!(made.len() == 32 && replaced.len() == 32 && made != replaced, "{made} {replaced}");
    let log = suite.log();
    let lines: Vec<Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for id in ["order-17", &made, &replaced] {
        let found = |target: &str| {
            let fits = |line: &&Value| line["request_id"] == id && line["target"] == target;
            lines.iter().filter(fits).cloned().collect::<Vec<_>>()
        };
        let calls = found("access");
        let http = calls.iter().find(|line| line["listener"] == "admin").unwrap();
        assert_eq!(http["route"], "/connections", "{http}");
        assert_eq!(http["code"], json!(200), "{http}");
        assert_eq!(http["trace_id"], TRACE, "{http}");
        let method = "entente.connection.v1.ConnectionService/ListConnections";
        let rpc = calls.iter().find(|line| line["method"] == method).unwrap();
        assert_eq!(rpc["code"], "OK", "{rpc}");
        assert_eq!(rpc["caller"], "default", "{rpc}");
    }
}
