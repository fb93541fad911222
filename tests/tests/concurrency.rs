//! Many callers and many peers at once: what is single-use is used once, and one DID makes one connection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::HashMap;
use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, CreateInvitationRequest, ExchangeState,
    GetInvitationRequest, InvitationState, ListInvitationsRequest, ReuseOutcome, ReusePolicy,
    SendBasicMessageRequest, SendPingRequest,
};
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_rpc::proto::keystore::v1::{CreateKeyRequest, ListKeysRequest};
use entente_rpc::{ErrorReason, Failure};
use entente_tests::peer::{complete, kind, request, responder};
use entente_tests::suite::{Replicas, eventually, seconds};
use entente_tests::{Fleet, Peer, Suite};
use futures_util::future::join_all;

const MANY: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);

async fn accept(suite: &Suite, url: &str) -> Acceptance {
    let request = AcceptInvitationRequest {
        invitation: url.to_owned(),
        wait: Some(seconds(30)),
        ..Default::default()
    };
    suite.accept_with(request).await.unwrap()
}

fn outcomes(acceptances: &[Acceptance]) -> HashMap<ReuseOutcome, usize> {
    let mut counts = HashMap::new();
    for acceptance in acceptances {
        *counts.entry(acceptance.decision.as_ref().unwrap().outcome()).or_default() += 1;
    }
    counts
}

fn count(events: &[Event], kind: EventKind) -> usize {
    events.iter().filter(|event| event.kind() == kind).count()
}

/// One new connection, the others reused, by the answers and by the events, on both sides.
async fn assert_one_connection(inviter: &Suite, invitee: &Suite, acceptances: &[Acceptance]) {
    let told = outcomes(acceptances);
    let expected =
        HashMap::from([(ReuseOutcome::New, 1), (ReuseOutcome::Reused, acceptances.len() - 1)]);
    assert_eq!(told, expected);
    let connections = invitee.all_connections().await;
    assert_eq!(connections.len(), 1);
    assert!(acceptances.iter().all(|acceptance| acceptance.connection_id == connections[0].id));
    let theirs = inviter
        .events_until(|events| count(events, EventKind::ConnectionCreated) >= 1, PATIENCE)
        .await;
    assert_eq!(count(&theirs, EventKind::ConnectionCreated), 1);
    assert_eq!(inviter.all_connections().await.len(), 1);
    for suite in [inviter, invitee] {
        let exchanges = suite.all_exchanges().await;
        assert_eq!(exchanges.iter().filter(|e| e.state() == ExchangeState::Done).count(), 1);
    }
    let ours = invitee.all_events().await;
    assert_eq!(count(&ours, EventKind::ConnectionCreated), 1);
    assert_gapless(&ours);
    assert_gapless(&inviter.all_events().await);
}

fn assert_gapless(events: &[Event]) {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.sequence, i64::try_from(index).unwrap() + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_invitations_with_one_did_make_one_connection() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let invitations = join_all((0..MANY).map(|_| inviter.invite())).await;
    assert!(invitations.iter().all(|invitation| invitation.did == invitations[0].did));
    let accepted = join_all(invitations.iter().map(|made| accept(&invitee, &made.url))).await;
    assert_one_connection(&inviter, &invitee, &accepted).await;

    let used = eventually("all invitations are used", async || {
        let state = InvitationState::Used.into();
        let request = ListInvitationsRequest { page_size: 1_000, state, ..Default::default() };
        let found = inviter.invitations().list_invitations(request).await.unwrap().into_inner();
        (found.invitations.len() == MANY).then_some(found.invitations)
    })
    .await;
    assert!(used.iter().all(|invitation| invitation.uses == 1), "{used:?}");
    // Each reuse is told once on each side.
    let reused = MANY - 1;
    assert_eq!(count(&inviter.all_events().await, EventKind::ConnectionReuse), reused);
    assert_eq!(count(&invitee.all_events().await, EventKind::ConnectionReuseAccepted), reused);
}

/// The same where every accept, and every message of the inviter, comes to another replica of the invitee.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_invitations_with_one_did_make_one_connection_of_replicas() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Replicas::start(3, &[]));
    let Some(invitee) = invitee else { return };
    let invitations = join_all((0..MANY).map(|_| inviter.invite())).await;
    let accepted = join_all(invitations.iter().map(|made| accept(invitee.any(), &made.url))).await;
    assert_one_connection(&inviter, invitee.any(), &accepted).await;
}

/// The same where the inviter is replicas.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_invitations_of_replicas_make_one_connection() {
    let (invitee, inviter) = tokio::join!(Suite::start(), Replicas::start(3, &[]));
    let Some(inviter) = inviter else { return };
    let invitations = join_all((0..MANY).map(|_| inviter.any().invite())).await;
    assert!(invitations.iter().all(|invitation| invitation.did == invitations[0].did));
    let accepted = join_all(invitations.iter().map(|made| accept(&invitee, &made.url))).await;
    assert_one_connection(inviter.any(), &invitee, &accepted).await;
}

/// The same where both sides of the race come through a proxy, to three replicas of each service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_invitations_with_one_did_make_one_connection_of_a_fleet() {
    let (peer, fleet) = tokio::join!(Suite::start(), Fleet::start(&[]));
    let Some(fleet) = fleet else { return };
    let invitations = join_all((0..MANY).map(|_| peer.invite())).await;
    let accepted = join_all(invitations.iter().map(|made| accept(&fleet.suite, &made.url))).await;
    assert_one_connection(&peer, &fleet.suite, &accepted).await;

    let (other, fleet) = tokio::join!(Suite::start(), Fleet::start(&[]));
    let Some(fleet) = fleet else { return };
    let invitations = join_all((0..MANY).map(|_| fleet.suite.invite())).await;
    let accepted = join_all(invitations.iter().map(|made| accept(&other, &made.url))).await;
    assert_one_connection(&fleet.suite, &other, &accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accepts_of_one_multi_use_invitation_make_one_connection() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let invitation = inviter.invite_many().await;
    let accepted = join_all((0..MANY).map(|_| accept(&invitee, &invitation.url))).await;
    assert_one_connection(&inviter, &invitee, &accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_use_invitation_connects_one_of_many_peers() {
    connects_one_of_many_peers(&Suite::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_use_invitation_of_replicas_connects_one_of_many_peers() {
    let Some(inviter) = Replicas::start(3, &[]).await else { return };
    connects_one_of_many_peers(inviter.any()).await;
}

async fn connects_one_of_many_peers(inviter: &Suite) {
    let invitation = inviter.invite().await;
    let peers = join_all((0..8).map(|_| Peer::start())).await;
    let requests: Vec<_> =
        peers.iter().map(|peer| request("1.1", &invitation.id, &peer.did)).collect();
    join_all(peers.iter().zip(&requests).map(|(peer, sent)| peer.request(&invitation, sent))).await;
    let answers = join_all(peers.iter().map(|peer| peer.listener.next())).await;
    let mut chosen = None;
    for (peer, answer) in peers.iter().zip(&answers) {
        match kind(&answer.message) {
            "didexchange/1.1/response" => assert!(chosen.replace((peer, answer)).is_none()),
            "didexchange/1.1/problem_report" => {
                assert_eq!(answer.message["problem-code"], "request_not_accepted");
            }
            other => panic!("{other}"),
        }
    }
    let (peer, response) = chosen.expect("one response");
    peer.complete(inviter, &invitation, &response.message).await;
    assert_eq!(inviter.all_connections().await.len(), 1);
    assert_eq!(inviter.all_exchanges().await.len(), 1);
    let request = GetInvitationRequest { id: invitation.id.clone() };
    let now = inviter.invitations().get_invitation(request).await.unwrap().into_inner();
    let now = now.invitation.unwrap();
    assert_eq!((now.state(), now.uses), (InvitationState::Used, 1));
}

/// All answers of calls that were made at once, which must be equal.
fn the_same<T: PartialEq + std::fmt::Debug>(answers: Vec<T>) -> T {
    let first = answers.into_iter().reduce(|first, next| {
        assert_eq!(first, next);
        first
    });
    first.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_makes_a_call_repeatable_at_once() {
    let (suite, peer) = tokio::join!(Suite::start(), Peer::start());
    let id = || "the-same-call".to_owned();
    let reason = |failed: entente_rpc::Status| Failure::of(&failed).reason;

    let make =
        CreateInvitationRequest { alias: "one".to_owned(), request_id: id(), ..Default::default() };
    the_same(join_all((0..16).map(|_| suite.invite_with(make.clone()))).await);
    let all =
        suite.invitations().list_invitations(ListInvitationsRequest::default()).await.unwrap();
    assert_eq!(all.into_inner().invitations.len(), 1);
    let other = CreateInvitationRequest { alias: "two".to_owned(), ..make };
    let failed = suite.invitations().create_invitation(other).await.unwrap_err();
    assert_eq!(reason(failed), ErrorReason::RequestIdReused);

    let invitation = peer.invitation(serde_json::json!({})).to_string();
    let before = keys(&suite).await;
    let reuse = Some(ReusePolicy { disabled: true, ..Default::default() });
    let accept =
        AcceptInvitationRequest { invitation, reuse, request_id: id(), ..Default::default() };
    let ids = join_all((0..16).map(|_| suite.accept_with(accept.clone()))).await;
    the_same(ids.into_iter().map(|answer| answer.unwrap().id).collect());
    assert_eq!(keys(&suite).await, before + 1, "a call that was not first leaves no key behind");
    let first = peer.listener.next().await.message;
    let other = AcceptInvitationRequest { alias: "other".to_owned(), ..accept };
    assert_eq!(reason(suite.accept_with(other).await.unwrap_err()), ErrorReason::RequestIdReused);
    let agent = peer.respond(&suite, &first).await;

    let ping =
        SendPingRequest { connection_id: agent.id.clone(), request_id: id(), ..Default::default() };
    let pings = join_all((0..16).map(|_| async { suite.messages().send_ping(ping.clone()).await }));
    the_same(pings.await.into_iter().map(|answer| answer.unwrap().into_inner()).collect());
    assert_eq!(kind(&peer.listener.next().await.message), "trust_ping/1.0/ping");
    peer.hears_nothing(&agent).await;
    let other = SendPingRequest { comment: "other".to_owned(), ..ping };
    let failed = suite.messages().send_ping(other).await.unwrap_err();
    assert_eq!(reason(failed), ErrorReason::RequestIdReused);

    let text = SendBasicMessageRequest {
        connection_id: agent.id.clone(),
        content: "hi".to_owned(),
        request_id: "another-call".to_owned(),
    };
    let sent = join_all(
        (0..16).map(|_| async { suite.messages().send_basic_message(text.clone()).await }),
    );
    the_same(sent.await.into_iter().map(|answer| answer.unwrap().into_inner()).collect());
    assert_eq!(kind(&peer.listener.next().await.message), "basicmessage/1.0/message");
    peer.hears_nothing(&agent).await;

    let before = keys(&suite).await;
    let key = CreateKeyRequest { request_id: id(), ..Default::default() };
    let made = join_all((0..16).map(|_| async { suite.keystore().create_key(key.clone()).await }));
    the_same(made.await.into_iter().map(|answer| answer.unwrap().into_inner()).collect());
    assert_eq!(keys(&suite).await, before + 1);
}

async fn keys(suite: &Suite) -> usize {
    let request = ListKeysRequest { page_size: 1_000, ..Default::default() };
    suite.keystore().list_keys(request).await.unwrap().into_inner().keys.len()
}

/// A ping that overtakes the complete makes the connection, as it shows that the response came; the complete then
/// changes nothing, and is no error. A second one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_may_overtake_the_complete() {
    let (suite, peer) = (Suite::start().await, Peer::start().await);
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let agent = responder(&invitation, &peer.listener.next().await.message);
    peer.hears_nothing(&agent).await;
    let before = suite.settled_exchange_of(&invitation.id).await;
    assert_eq!(before.state(), ExchangeState::Done);
    peer.send(&agent, &complete(&agent)).await;
    peer.hears_nothing(&agent).await;
    let report = peer.ask(&agent, &complete(&agent)).await.message;
    assert!(kind(&report).contains("problem"), "{report}");
    assert_eq!(suite.settled_exchange_of(&invitation.id).await, before);
}
