//! Two of our agents over DIDComm v2, with the handshake of Identus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, AcceptanceState, Connection, CreateInvitationRequest,
    DeleteConnectionRequest, DeleteInvitationRequest, ExchangeState, HandshakeProtocol, Invitation,
    InvitationFormat, InvitationKind, QueryFeaturesRequest, ReuseOutcome, ReusePolicy, ReuseReason,
    RotateDidRequest, SendBasicMessageRequest, SendPingRequest,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::Suite;
use entente_tests::suite::{eventually, seconds};
use futures_util::future::join_all;

const PATIENCE: Duration = Duration::from_secs(60);
const MANY: usize = 64;

async fn invite(suite: &Suite, kind: InvitationKind) -> Invitation {
    let request = CreateInvitationRequest {
        kind: kind.into(),
        format: InvitationFormat::OutOfBand2.into(),
        ..Default::default()
    };
    suite.invite_with(request).await
}

async fn connect(invitee: &Suite, inviter: &Suite, made: &Invitation) -> (Connection, Connection) {
    let acceptance = invitee.accept(&made.url).await;
    let theirs = inviter.connection_of(&made.id).await;
    let ours = invitee.all_connections().await;
    let ours = ours.into_iter().find(|one| one.id == acceptance.connection_id);
    (ours.expect("the exchange is done"), theirs)
}

fn count(events: &[Event], kind: EventKind) -> usize {
    events.iter().filter(|event| event.kind() == kind).count()
}

async fn keys(suite: &Suite) -> usize {
    let request = ListKeysRequest { page_size: 1_000, ..Default::default() };
    suite.keystore().list_keys(request).await.unwrap().into_inner().keys.len()
}

/// Talks both ways over a connection that both have.
async fn talk(a: &Suite, of_a: &Connection, b: &Suite, of_b: &Connection) {
    for (from, on, to) in [(a, of_a, b), (b, of_b, a)] {
        let words = format!("from {}", on.my_did);
        let request = SendBasicMessageRequest {
            connection_id: on.id.clone(),
            content: words.clone(),
            ..Default::default()
        };
        from.messages().send_basic_message(request).await.unwrap();
        let said = |events: &[Event]| {
            events.iter().any(|event| match &event.record {
                Some(Record::Message(message)) => {
                    event.kind() == EventKind::BasicMessageReceived
                        && message.r#type == "https://didcomm.org/basicmessage/2.0/message"
                        && message.message_json.contains(&words)
                }
                _ => false,
            })
        };
        to.events_until(said, PATIENCE).await;
        let pongs = |events: &[Event]| count(events, EventKind::PingResponseReceived) >= 1;
        let request = SendPingRequest { connection_id: on.id.clone(), ..Default::default() };
        from.messages().send_ping(request).await.unwrap();
        from.events_until(pongs, PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_connect_and_talk() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let made = invite(&inviter, InvitationKind::SingleUse).await;
    assert!(made.url.contains("_oob="), "{}", made.url);
    let offered: Vec<_> = made.handshake_protocols().collect();
    assert_eq!(offered, [HandshakeProtocol::Identus10]);
    let (ours, theirs) = connect(&invitee, &inviter, &made).await;
    assert_eq!((&ours.my_did, &ours.their_did), (&theirs.their_did, &theirs.my_did));
    // Nothing is rotated in this handshake.
    assert_eq!(theirs.my_did, made.did);
    assert_eq!(theirs.protocol(), HandshakeProtocol::Identus10);
    for suite in [&inviter, &invitee] {
        let exchanges = suite.all_exchanges().await;
        assert_eq!(exchanges.len(), 1);
        assert_eq!(exchanges[0].state(), ExchangeState::Done);
    }
    talk(&invitee, &ours, &inviter, &theirs).await;

    let request = QueryFeaturesRequest { connection_id: ours.id.clone(), ..Default::default() };
    invitee.messages().query_features(request).await.unwrap();
    let disclosed = |events: &[Event]| count(events, EventKind::FeaturesDisclosed) == 1;
    invitee.events_until(disclosed, PATIENCE).await;

    // The invitation's keys are the connection's: they stay with it, and go with it.
    let request = DeleteInvitationRequest { id: made.id.clone() };
    inviter.invitations().delete_invitation(request).await.unwrap();
    talk(&invitee, &ours, &inviter, &theirs).await;
    assert_eq!(keys(&inviter).await, 2);
    let request = DeleteConnectionRequest { id: theirs.id.clone() };
    inviter.connections().delete_connection(request).await.unwrap();
    eventually("the keys are gone", async || (keys(&inviter).await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_processes_are_one_agent() {
    let (inviter, invitee) = tokio::join!(Suite::in_five(), Suite::start());
    for (inviter, invitee) in [(&inviter, &invitee), (&invitee, &inviter)] {
        let made = invite(inviter, InvitationKind::MultiUse).await;
        let (ours, theirs) = connect(invitee, inviter, &made).await;
        talk(invitee, &ours, inviter, &theirs).await;
        let again = invitee.accept(&invite(inviter, InvitationKind::MultiUse).await.url).await;
        assert_eq!(again.connection_id, ours.id);
        let (ours, theirs) = invitee.connect_to(inviter).await;
        assert_eq!(ours.their_did, theirs.my_did);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_inviter_is_not_connected_twice() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let first = invite(&inviter, InvitationKind::MultiUse).await;
    let second = invite(&inviter, InvitationKind::MultiUse).await;
    assert_eq!(first.did, second.did);
    let (ours, theirs) = connect(&invitee, &inviter, &first).await;

    let acceptance = invitee.accept(&second.url).await;
    let decision = acceptance.decision.clone().unwrap();
    assert_eq!(acceptance.state(), AcceptanceState::Reused);
    assert_eq!(decision.outcome(), ReuseOutcome::Reused);
    assert_eq!(decision.reason(), ReuseReason::KnownDid);
    assert_eq!(acceptance.connection_id, ours.id);
    let told = |events: &[Event]| count(events, EventKind::ConnectionReuse) == 1;
    let events = inviter.events_until(told, PATIENCE).await;
    let reuse = events.iter().find(|event| event.kind() == EventKind::ConnectionReuse).unwrap();
    let Some(Record::Reuse(reuse)) = &reuse.record else { panic!("{reuse:?}") };
    assert_eq!((&reuse.connection_id, &reuse.invitation_id), (&theirs.id, &second.id));
    assert_eq!(count(&invitee.all_events().await, EventKind::ConnectionReuseAccepted), 1);
    assert_eq!(inviter.all_connections().await.len(), 1);

    let request = AcceptInvitationRequest {
        invitation: second.url,
        reuse: Some(ReusePolicy { disabled: true, ..Default::default() }),
        wait: Some(seconds(30)),
        ..Default::default()
    };
    let another = invitee.accept_with(request).await.unwrap();
    assert_ne!(another.connection_id, ours.id);
    eventually("there are two connections", async || {
        (inviter.all_connections().await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accepts_make_one_connection() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let made = join_all((0..MANY).map(|_| invite(&inviter, InvitationKind::MultiUse))).await;
    assert!(made.iter().all(|invitation| invitation.did == made[0].did));
    let accepted: Vec<Acceptance> =
        join_all(made.iter().map(|invitation| invitee.accept(&invitation.url))).await;
    let outcome = |outcome: ReuseOutcome| {
        accepted.iter().filter(|one| one.decision.as_ref().unwrap().outcome() == outcome).count()
    };
    assert_eq!((outcome(ReuseOutcome::New), outcome(ReuseOutcome::Reused)), (1, MANY - 1));
    assert_eq!(invitee.all_connections().await.len(), 1);
    let told = |events: &[Event]| count(events, EventKind::ConnectionReuse) >= MANY - 1;
    let events = inviter.events_until(told, PATIENCE).await;
    assert_eq!(count(&events, EventKind::ConnectionReuse), MANY - 1);
    assert_eq!(count(&events, EventKind::ConnectionCreated), 1);
    assert_eq!(inviter.all_connections().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_takes_a_new_did() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let made = invite(&inviter, InvitationKind::SingleUse).await;
    let (mut ours, mut theirs) = connect(&invitee, &inviter, &made).await;
    for (rotating, follower) in [(&invitee, &inviter), (&inviter, &invitee)] {
        let (mine, its) = match std::ptr::eq(rotating, &invitee) {
            true => (&mut ours, &mut theirs),
            false => (&mut theirs, &mut ours),
        };
        let request = RotateDidRequest { id: mine.id.clone() };
        let rotated = rotating.connections().rotate_did(request.clone()).await.unwrap();
        let rotated = rotated.into_inner().connection.unwrap();
        assert_ne!(rotated.my_did, mine.my_did);
        let twice = Failure::of(&rotating.connections().rotate_did(request).await.unwrap_err());
        assert_eq!(twice.reason, ErrorReason::WrongState, "{twice}");
        *its = follower.connection_with(&rotated.my_did).await;
        assert_eq!(its.their_did, rotated.my_did);
        *mine = rotated;
        talk(&invitee, &ours, &inviter, &theirs).await;
    }
    assert_eq!(inviter.all_connections().await.len(), 1);
    // The former keys of the invitee are gone; those of the inviter stay with its invitation.
    eventually("the former keys are gone", async || (keys(&invitee).await == 2).then_some(()))
        .await;
    assert_eq!(keys(&inviter).await, 4);
    let (_, v1) = invitee.connect_to(&inviter).await;
    let request = RotateDidRequest { id: v1.id };
    let failure = Failure::of(&inviter.connections().rotate_did(request).await.unwrap_err());
    assert_eq!(failure.reason, ErrorReason::WrongState, "{failure}");
}
