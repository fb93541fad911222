//! A backup is taken under load, the data are gone, and the agent goes on from the backup.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entente_rpc::proto::access::v1::audit_service_client::AuditServiceClient;
use entente_rpc::proto::access::v1::{AuditEntry, FollowAuditRequest, ListAuditEntriesRequest};
use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, ReusePolicy, SendPingRequest};
use entente_rpc::proto::event::v1::{
    Event, EventKind, LogFault, LogHead, SubscribeRequest, VerifyLogRequest, VerifyLogResponse,
};
use entente_rpc::{Code, ErrorReason, Failure};
use entente_store::testing::Place;
use entente_tests::Suite;
use entente_tests::suite;
use futures_util::future::join_all;

/// Makes a new connection, also where there is one.
async fn connect(peer: &Suite, agent: &Suite) {
    let invitation = agent.invite().await;
    let reuse = Some(ReusePolicy { disabled: true, ..Default::default() });
    let request =
        AcceptInvitationRequest { invitation: invitation.url, reuse, ..Default::default() };
    peer.accept_with(request).await.unwrap();
    agent.connection_of(&invitation.id).await;
}

/// Runs a command on the data of an agent.
async fn run(agent: &Suite, command: &str, arguments: &[&str]) -> Output {
    let mut program = tokio::process::Command::from(suite::command());
    program.arg(command).arg("--data-dir").arg(agent.data_dir());
    program.args(agent.database_url().into_iter().flat_map(|url| ["--database-url", url]));
    program.args(arguments).output().await.unwrap()
}

async fn told(agent: &Suite, command: &str, arguments: &[&str]) -> String {
    let output = run(agent, command, arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

async fn refused(agent: &Suite, command: &str, arguments: &[&str]) -> String {
    let output = run(agent, command, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// What an operator fears.
async fn lose_everything(agent: &mut Suite) {
    agent.kill9();
    if let Some(url) = agent.database_url() {
        let mut session = Place::Postgres(url.to_owned()).session(false).await.unwrap();
        session.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    }
    for entry in std::fs::read_dir(agent.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// What the check of the whole log says.
async fn verify(agent: &Suite, expected_head: Option<LogHead>) -> VerifyLogResponse {
    let request = VerifyLogRequest { page_size: 10_000, expected_head, ..Default::default() };
    agent.events().verify_log(request).await.unwrap().into_inner()
}

/// The events after a cursor, as many as asked for.
async fn read(agent: &Suite, after: i64, count: usize) -> Result<Vec<Event>, tonic::Status> {
    let request = SubscribeRequest { after, ..Default::default() };
    let mut stream = agent.events().subscribe(request).await?.into_inner();
    let mut events = Vec::new();
    while events.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(30), stream.message()).await;
        events.extend(next.expect("there are more events")?.expect("the stream goes on").event);
    }
    Ok(events)
}

#[tokio::test]
async fn an_agent_goes_on_from_a_backup_that_was_taken_under_load() {
    let (mut agent, peer) = tokio::join!(Suite::start(), Suite::start());
    connect(&peer, &agent).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let backup_text = backup.to_str().unwrap();

    // While it is taken, connections are made.
    let taken = AtomicBool::new(false);
    let load = async {
        while !taken.load(Ordering::Relaxed) {
            join_all((0..4).map(|_| connect(&peer, &agent))).await;
        }
    };
    let take = async {
        told(&agent, "backup", &["--with-keys", backup_text]).await;
        taken.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, take);
    let again = refused(&agent, "backup", &[backup_text]).await;
    assert!(again.contains("is there already; name a directory that is not"), "{again}");
    let full = refused(&agent, "restore", &[backup_text]).await;
    assert!(full.contains("restore into"), "{full}");

    // What comes after it is lost; a reader has seen it.
    connect(&peer, &agent).await;
    let before = agent.all_events().await;
    let seen = before.last().unwrap().sequence;
    let head = verify(&agent, None).await.head;
    let audit = audit_with(&agent, &agent.invite().await.id).await;
    lose_everything(&mut agent).await;
    let missing = refused(&agent, "restore", &[folder.path().to_str().unwrap()]).await;
    assert!(missing.contains("is that a backup of this kind of database?"), "{missing}");
    let restored = told(&agent, "restore", &[backup_text]).await;
    assert!(restored.contains("1 event logs go on after a gap"), "{restored}");
    assert!(restored.contains("the audit goes on after such a gap"), "{restored}");
    agent.restart().await;

    let kept = agent.all_events().await;
    let newest = kept.last().unwrap().sequence;
    assert!(!kept.is_empty() && newest < seen, "{newest} and {seen}");
    assert_eq!(kept[..], before[..kept.len()], "what was backed up is as it was");
    assert_eq!(verify(&agent, None).await.fault(), LogFault::Unspecified);
    let lost = verify(&agent, head.clone()).await;
    assert_eq!((lost.fault(), lost.fault_sequence), (LogFault::Missing, newest + 1));
    check_every_connection(&agent).await;
    assert_eq!(verify(&agent, None).await.fault(), LogFault::Unspecified);
    assert_eq!(verify(&agent, head).await.fault(), LogFault::Missing);
    check_cursors(&agent, &peer, newest, seen).await;
    check_audit(&agent, &audit).await;
}

/// A page of the audit.
async fn audit_after(agent: &Suite, after: i64) -> Result<Vec<AuditEntry>, tonic::Status> {
    let request = ListAuditEntriesRequest { after, page_size: 1_000, ..Default::default() };
    let page = AuditServiceClient::new(agent.link()).list_audit_entries(request).await?;
    let page = page.into_inner();
    assert!(!page.more, "there are more entries than this test reads");
    Ok(page.entries)
}

/// The audit, once it has what was done to an object.
async fn audit_with(agent: &Suite, object: &str) -> Vec<AuditEntry> {
    suite::eventually("the audit has it", async || {
        let all = audit_after(agent, 0).await.unwrap();
        all.iter().any(|entry| entry.object == object).then_some(all)
    })
    .await
}

/// No reader of the audit takes new entries for those that are lost.
async fn check_audit(agent: &Suite, before: &[AuditEntry]) {
    let seen = before.last().unwrap().sequence;
    let mut all = audit_with(agent, &agent.invite().await.id).await;
    // Also when it has grown beyond what was lost.
    while all.last().unwrap().sequence - (1 << 40) <= seen {
        all = audit_with(agent, &agent.invite().await.id).await;
    }
    let kept = all.iter().take_while(|entry| entry.sequence <= seen).count();
    let newest = all[..kept].last().map_or(0, |entry| entry.sequence);
    assert_eq!(all[..kept], before[..kept], "what was backed up is as it was");
    assert!(newest < seen, "{newest} and {seen}");
    let follow = async |after| {
        let request = FollowAuditRequest { after, filter: None };
        AuditServiceClient::new(agent.link()).follow_audit(request).await
    };
    for status in [audit_after(agent, seen).await.unwrap_err(), follow(seen).await.unwrap_err()] {
        assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
        let failure = Failure::of(&status);
        assert_eq!(failure.reason, ErrorReason::CursorInFuture);
        assert_eq!(failure.metadata("newest"), Some(newest.to_string().as_str()));
    }
    // Who goes on from the newest that still counts has all that came since.
    let next = follow(newest).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert_eq!(next.entry.unwrap().sequence, newest + (1 << 40) + 1);
    assert_eq!(audit_after(agent, newest).await.unwrap()[..all.len() - kept], all[kept..]);
}

/// Each has its keys, and the peer still knows it.
async fn check_every_connection(agent: &Suite) {
    let connections = agent.all_connections().await;
    assert!(!connections.is_empty());
    let mut threads = Vec::new();
    for connection in &connections {
        let ping = SendPingRequest { connection_id: connection.id.clone(), ..Default::default() };
        let answer = agent.messages().send_ping(ping).await.unwrap().into_inner();
        threads.push(answer.thread_id);
    }
    let answered = |events: &[Event]| {
        let is_pong = |event: &&Event| event.kind() == EventKind::PingResponseReceived;
        events.iter().filter(is_pong).count() >= threads.len()
    };
    agent.events_until(answered, Duration::from_secs(30)).await;
}

/// No reader takes new events for those that are lost.
async fn check_cursors(agent: &Suite, peer: &Suite, newest: i64, seen: i64) {
    let lost = read(agent, seen, 1).await.unwrap_err();
    assert_eq!(lost.code(), Code::OutOfRange, "{lost:?}");
    let failure = Failure::of(&lost);
    assert_eq!(failure.reason, ErrorReason::CursorInFuture);
    assert_eq!(failure.metadata("newest"), Some(newest.to_string().as_str()));
    let next = read(agent, newest, 1).await.unwrap().remove(0).sequence;
    assert_eq!(next, newest + (1 << 40) + 1);
    // Also when the log has grown beyond what was lost.
    while agent.all_events().await.last().unwrap().sequence - (1 << 40) <= seen {
        connect(peer, agent).await;
    }
    let lost = read(agent, seen, 1).await.unwrap_err();
    assert_eq!(Failure::of(&lost).reason, ErrorReason::CursorInFuture);
    let over = read(agent, newest - 1, 3).await.unwrap();
    let sequences: Vec<i64> = over.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [newest, next, next + 1]);
}

#[tokio::test]
async fn a_backup_is_for_its_owner_and_has_keys_only_if_asked() {
    use std::os::unix::fs::PermissionsExt as _;
    let agent = Suite::start().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let told = told(&agent, "backup", &[backup.to_str().unwrap()]).await;
    assert!(told.contains("left out ") && told.contains("keep a copy of it elsewhere"), "{told}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&backup), 0o700);
    for entry in std::fs::read_dir(&backup).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with(".db") || name == "entente.dump", "{name}");
    }
}
