//! What is kept for a time goes when it is over, and what goes on is as it should be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::ErrorReason;
use entente_rpc::Failure;
use entente_rpc::proto::access::v1::audit_service_client::AuditServiceClient;
use entente_rpc::proto::access::v1::{AuditEntry, ListAuditEntriesRequest};
use entente_rpc::proto::connection::v1::{
    Connection, CreateInvitationRequest, DeleteConnectionRequest,
};
use entente_rpc::proto::event::v1::{
    ListEventsRequest, LogFault, VerifyLogRequest, VerifyLogResponse,
};
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_tests::peer::message;
use entente_tests::suite::eventually;
use entente_tests::{Clock, Peer, Suite};
use serde_json::json;

const HANDLED: &str = "entente_gateway_inbound_messages_total{result=\"handled\"}";

async fn verify(suite: &Suite) -> VerifyLogResponse {
    let answer = suite.events().verify_log(VerifyLogRequest::default()).await.unwrap().into_inner();
    assert_eq!(answer.fault(), LogFault::Unspecified, "{answer:?}");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_and_the_log_stays_linked() {
    let suite = Suite::with(&["--event-retention", "1s"]).await;
    suite.invite().await;
    let head = verify(&suite).await.head.unwrap().sequence;
    assert!(head > 0);
    let all_gone = async || (verify(&suite).await.purged >= head).then_some(());
    eventually("the events are too old", all_gone).await;
    let request = ListEventsRequest { after: head - 1, ..Default::default() };
    let refused = suite.events().list_events(request).await.map(drop);
    let reason = refused.map_err(|status| Failure::of(&status).reason);
    // After the newest there is nothing that could be missed.
    let expected = if head == 1 { Ok(()) } else { Err(ErrorReason::EventsExpired) };
    assert_eq!(reason, expected);
    suite.invite().await;
    assert!(verify(&suite).await.head.unwrap().sequence > head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_a_message_is_remembered_so_long() {
    let peer = Peer::start().await;
    for (flags, forgets) in [(&["--message-id-retention", "1s"][..], true), (&[], false)] {
        let suite = Suite::with(flags).await;
        let agent = peer.join(&suite).await;
        let ping = message("trust_ping/1.0/ping", json!({"response_requested": false}));
        let envelope = peer.key.pack(&ping, &agent.key);
        peer.post_envelope(&agent.url, envelope.clone()).await;
        let handled = suite.metric(HANDLED).await;
        let again = async || {
            peer.post_envelope(&agent.url, envelope.clone()).await;
            (suite.metric(HANDLED).await > handled).then_some(())
        };
        if forgets {
            eventually("a copy has its effect", again).await;
        } else {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            assert_eq!(again().await, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_goes_by_age_where_it_is_told_to() {
    let suite = Suite::with(&["--audit-retention", "1s"]).await;
    let entries = async || -> Vec<AuditEntry> {
        let mut audit = AuditServiceClient::new(suite.link_with(&suite.api_key));
        let request = ListAuditEntriesRequest::default();
        audit.list_audit_entries(request).await.unwrap().into_inner().entries
    };
    for _ in 0..3 {
        suite.invite().await;
    }
    let told = async || entries().await.last().filter(|last| last.sequence >= 3).cloned();
    let last = eventually("all is in the audit", told).await.sequence;
    // The newest stays: the next number follows it.
    eventually("the others are gone", async || {
        let there: Vec<_> = entries().await.iter().map(|entry| entry.sequence).collect();
        (there.len() == 1 && there[0] >= last).then_some(())
    })
    .await;
    suite.invite().await;
    let next = async || entries().await.into_iter().find(|entry| entry.sequence > last);
    assert!(eventually("another", next).await.method.ends_with("/CreateInvitation"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peers_did_resolves_while_a_connection_has_it() {
    let Some(clock) = Clock::prepare() else { return };
    // What is kept for so short a time is looked after all the time.
    let flags = ["--event-retention".to_owned(), "1s".to_owned()];
    let suite = Suite::whole_under(clock.under(), flags.to_vec()).await;
    let peer = Suite::whole().await;
    let connect = async || -> Connection {
        let unique = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
        let invitation = peer.invite_with(unique).await;
        suite.accept(&invitation.url).await;
        let theirs = peer.connection_of(&invitation.id).await;
        suite.connection_with(&theirs.my_did).await
    };
    let (kept, gone) = (connect().await, connect().await);
    let resolves = async |connection: &Connection| {
        let did = connection.their_did.clone();
        suite.resolver().resolve(ResolveRequest { did, no_cache: false }).await.is_ok()
    };
    assert!(kept.their_did.starts_with("did:peer:4") && kept.their_did.len() < 100, "{kept:?}");
    assert!(resolves(&kept).await && resolves(&gone).await);
    let request = DeleteConnectionRequest { id: gone.id.clone() };
    suite.connections().delete_connection(request).await.unwrap();
    let mut minutes = 0;
    eventually("nothing needs it", async || {
        minutes += 4;
        clock.set(&format!("+{minutes}m"));
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        (!resolves(&gone).await).then_some(())
    })
    .await;
    assert!(minutes >= 8, "it was in use a moment ago");
    for _ in 0..3 {
        minutes *= 10;
        clock.set(&format!("+{minutes}m"));
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        assert!(resolves(&kept).await, "after {minutes} minutes");
    }
}
