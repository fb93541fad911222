//! What is stuck is found, with its cause and a remedy, and the remedies help.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::proto::access::v1::CreateApiKeyRequest;
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_rpc::proto::connection::v1::diagnosis_service_client::DiagnosisServiceClient;
use entente_rpc::proto::connection::v1::{
    AbandonCause, AbandonExchangeRequest, AcceptInvitationRequest, ApproveExchangeRequest,
    ExchangeState, Finding, FindingKind, ListFindingsRequest, RetryDeliveryRequest,
};
use entente_rpc::proto::event::v1::{CommitConsumerRequest, DeadLetter, ReplayDeadLettersRequest};
use entente_rpc::{Code, Failure};
use entente_store::testing::Place;
use entente_tests::suite::{command, eventually, is_split, postgres, seconds};
use entente_tests::{Clock, Suite};

/// Accepts, and waits for nobody.
async fn accept(suite: &Suite, invitation: &str) {
    let invitation = invitation.to_owned();
    suite.accept_with(AcceptInvitationRequest { invitation, ..Default::default() }).await.unwrap();
}

async fn findings(suite: &Suite, kind: FindingKind) -> Vec<Finding> {
    let request =
        ListFindingsRequest { kind: kind.into(), patience: Some(seconds(0)), ..Default::default() };
    suite.diagnosis().list_findings(request).await.unwrap().into_inner().findings
}

async fn until_found(suite: &Suite, kind: FindingKind) -> Finding {
    let what = format!("a finding {kind:?}");
    eventually(&what, async || findings(suite, kind).await.pop()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_waits_is_found_on_both_sides() {
    let inviter = Suite::with(&["--auto-accept-requests=false"]).await;
    let invitee = Suite::start().await;
    let invitation = inviter.invite().await;
    accept(&invitee, &invitation.url).await;
    let undecided = until_found(&inviter, FindingKind::Undecided).await;
    assert_eq!(undecided.id, invitation.exchange_id);
    assert!(undecided.deadline_at.is_some(), "{undecided:?}");
    let unanswered = until_found(&invitee, FindingKind::Unanswered).await;
    assert!(unanswered.remedy.contains("exchanges abandon"), "{unanswered:?}");
    // Nobody has waited for an hour.
    let patient = ListFindingsRequest { patience: Some(seconds(3600)), ..Default::default() };
    let found = invitee.diagnosis().list_findings(patient).await.unwrap().into_inner();
    assert_eq!(found.findings, []);
    assert!(found.checked_at.is_some());

    let id = undecided.id;
    let approve = ApproveExchangeRequest { id, label: None };
    inviter.exchanges().approve_exchange(approve).await.unwrap();
    invitee.connection_of(&invitation.id).await;
    eventually("nothing stuck", async || {
        let left = findings(&inviter, FindingKind::Unspecified).await.len()
            + findings(&invitee, FindingKind::Unspecified).await.len();
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_delivered_is_sent_when_asked() {
    let (mut inviter, invitee) = (Suite::start().await, Suite::start().await);
    let invitation = inviter.invite().await;
    inviter.kill9();
    accept(&invitee, &invitation.url).await;
    let waits_long = async || {
        let found = findings(&invitee, FindingKind::Undelivered).await.pop()?;
        (found.attempts >= 3).then_some(found)
    };
    let found = eventually("three attempts", waits_long).await;
    assert!(found.next_attempt_at.is_some() && found.count == 1, "{found:?}");
    assert!(found.cause.contains("refused") || found.cause.contains("answer"), "{found:?}");
    inviter.restart().await;
    // Asked again and again, as someone would who cannot see whether the peer is up.
    let request = RetryDeliveryRequest { id: found.id.clone() };
    eventually("the delivery", async || {
        let answer = invitee.diagnosis().retry_delivery(request.clone()).await;
        (answer.err()?.code() == Code::NotFound).then_some(())
    })
    .await;
    invitee.connection_of(&invitation.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_ends_without_a_word() {
    let (mut inviter, invitee) = (Suite::start().await, Suite::start().await);
    let invitation = inviter.invite().await;
    inviter.kill9();
    accept(&invitee, &invitation.url).await;
    let id = until_found(&invitee, FindingKind::Undelivered).await.id;
    let request = AbandonExchangeRequest { id: id.clone(), reason: "gone for good".to_owned() };
    for _ in 0..2 {
        let answer = invitee.exchanges().abandon_exchange(request.clone()).await.unwrap();
        let exchange = answer.into_inner().exchange.unwrap();
        assert_eq!(exchange.state(), ExchangeState::Abandoned);
        assert_eq!(exchange.abandon_cause(), AbandonCause::Cancelled);
        assert_eq!(exchange.error, "gone for good");
    }
    assert_eq!(findings(&invitee, FindingKind::Unspecified).await, []);
    let retry = RetryDeliveryRequest { id };
    let status = invitee.diagnosis().retry_delivery(retry).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    // A connection that exists is not given up.
    let other = Suite::start().await;
    let (connection, _) = invitee.connect_to(&other).await;
    let request = AbandonExchangeRequest { id: connection.id, reason: String::new() };
    let status = invitee.exchanges().abandon_exchange(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_stand_still_or_gave_up_are_found() {
    let suite = Suite::start().await;
    suite.invite().await;
    suite.invite().await;
    let letter =
        DeadLetter { sequence: 1, attempts: 7, error: "503".to_owned(), ..Default::default() };
    let request = CommitConsumerRequest {
        name: "billing".to_owned(),
        cursor: 1,
        dead_letters: vec![letter],
        ..Default::default()
    };
    suite.events().commit_consumer(request).await.unwrap();
    let behind = findings(&suite, FindingKind::Behind).await;
    let behind = behind.iter().find(|found| found.id == "billing").expect("it is behind");
    assert!(behind.count >= 1, "{behind:?}");
    let given_up = findings(&suite, FindingKind::DeadLetters).await;
    let [found] = &given_up[..] else { panic!("{given_up:?}") };
    assert_eq!((found.id.as_str(), found.count, found.attempts), ("billing", 1, 7));
    assert_eq!(found.cause, "503");
    // Page by page there is the same.
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let patience = Some(seconds(0));
        let request =
            ListFindingsRequest { page_size: 1, page_token, patience, ..Default::default() };
        let page = suite.diagnosis().list_findings(request).await.unwrap().into_inner();
        ids.extend(page.findings.into_iter().map(|found| (found.kind, found.id)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(ids.is_sorted() && ids.len() >= 2, "{ids:?}");
    let replay = ReplayDeadLettersRequest { consumer: "billing".to_owned(), ..Default::default() };
    suite.events().replay_dead_letters(replay).await.unwrap();
    assert_eq!(findings(&suite, FindingKind::DeadLetters).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_question_is_told_what_is_wrong() {
    let suite = Suite::start().await;
    let ask = async |request: ListFindingsRequest| {
        Failure::of(&suite.diagnosis().list_findings(request).await.unwrap_err()).message
    };
    let negative = prost_types::Duration { seconds: -1, nanos: 0 };
    let message = ask(ListFindingsRequest { patience: Some(negative), ..Default::default() }).await;
    assert!(message.contains("patience"), "{message}");
    let message = ask(ListFindingsRequest { kind: 99, ..Default::default() }).await;
    assert!(message.contains("kind"), "{message}");
    let page_token = "nonsense".to_owned();
    let message = ask(ListFindingsRequest { page_token, ..Default::default() }).await;
    assert!(message.contains("token"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_says_it_and_exits_by_it() {
    let inviter = Suite::with(&["--auto-accept-requests=false"]).await;
    let invitee = Suite::start().await;
    let doctor = || {
        let mut command = command();
        command.args(["doctor", "--patience", "0s", "--server", &inviter.grpc_url]);
        command.args(["--api-key", &inviter.api_key]).output().unwrap()
    };
    if !is_split() {
        let healthy = doctor();
        let said = String::from_utf8_lossy(&healthy.stdout).into_owned();
        assert!(
            healthy.status.success() && said.contains("nothing is stuck or orphaned"),
            "{healthy:?}"
        );
    }
    let invitation = inviter.invite().await;
    accept(&invitee, &invitation.url).await;
    until_found(&inviter, FindingKind::Undecided).await;
    let stuck = doctor();
    let said = String::from_utf8_lossy(&stuck.stdout).into_owned();
    assert_eq!(stuck.status.code(), Some(1), "{stuck:?}");
    assert!(said.contains(&format!("exchanges approve {}", invitation.exchange_id)), "{said}");
}

/// Another client with a new key for the administrator's tenant.
async fn with_roles(suite: &Suite, roles: &[&str]) -> DiagnosisServiceClient<entente_rpc::Link> {
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    let request = CreateApiKeyRequest { name: "other".to_owned(), roles, ..Default::default() };
    let made = ApiKeyServiceClient::new(suite.link()).create_api_key(request).await.unwrap();
    DiagnosisServiceClient::new(suite.link_with(&made.into_inner().key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_find_tables_that_are_not_as_they_should_be() {
    let mut suite = Suite::start().await;
    assert_eq!(findings(&suite, FindingKind::SchemaDrift).await, []);
    suite.invite().await;
    let name = "billing".to_owned();
    suite
        .events()
        .commit_consumer(CommitConsumerRequest { name, ..Default::default() })
        .await
        .unwrap();
    suite.kill9();
    let file = || Place::Sqlite(suite.data_dir().join("connection.db"));
    let place = suite.database_url().map_or_else(file, |url| Place::Postgres(url.to_owned()));
    let mut session = place.session(false).await.unwrap();
    session.run("DROP INDEX exchanges_by_role").await.unwrap();
    session.run("CREATE TABLE mine (id TEXT)").await.unwrap();
    suite.restart().await;
    let found = findings(&suite, FindingKind::Unspecified).await;
    let [.., drifted] = &found[..] else { panic!("{found:?}") };
    assert_eq!((drifted.kind(), drifted.id.as_str()), (FindingKind::SchemaDrift, "connection"));
    assert!(drifted.cause.contains("there is no index exchanges_by_role: "), "{drifted:?}");
    assert!(drifted.remedy.contains("entente migrate") && drifted.since.is_some(), "{drifted:?}");
    assert!(drifted.count >= 1, "{drifted:?}");
    // Page by page there is the same, also where what is stuck fills the page before.
    let mut pages = Vec::new();
    let mut request =
        ListFindingsRequest { page_size: 1, patience: Some(seconds(0)), ..Default::default() };
    loop {
        let page = suite.diagnosis().list_findings(request.clone()).await.unwrap().into_inner();
        pages.extend(page.findings);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let names = |found: &[Finding]| -> Vec<_> {
        found.iter().map(|found| (found.kind, found.id.clone())).collect()
    };
    assert_eq!(names(&pages), names(&found));
    assert!(pages.len() >= 2, "{pages:?}");
    // Who has a tenant in the process, and does not run it, sees what is the tenant's.
    let mut owner = with_roles(&suite, &["owner"]).await;
    let request = ListFindingsRequest { patience: Some(seconds(0)), ..Default::default() };
    let seen = owner.list_findings(request).await.unwrap().into_inner().findings;
    assert!(seen.iter().all(|found| found.kind() != FindingKind::SchemaDrift), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_find_a_database_with_another_clock() {
    let (Some(clock), Some(place)) = (Clock::prepare(), postgres().await) else { return };
    let arguments = ["--database-url".to_owned(), place.url()].to_vec();
    clock.set("+1h");
    let mut suite = Suite::whole_under(clock.under(), arguments).await;
    let found = findings(&suite, FindingKind::ClockSkew).await;
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!(found.id, "database");
    assert!((-3_660_000..-3_540_000).contains(&found.count), "{found:?}");
    assert!(found.cause.contains("behind this process's"), "{found:?}");
    clock.set("+0");
    suite.restart().await;
    assert_eq!(findings(&suite, FindingKind::ClockSkew).await, []);
}
