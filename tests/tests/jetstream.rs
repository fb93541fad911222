//! Events in a real JetStream: each once and in order, whoever dies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::{Duration, Instant};

use async_nats::jetstream::stream;
use entente_rpc::proto::connection::v1::{CreateInvitationRequest, ExchangeState, InvitationKind};
use entente_rpc::proto::event::v1::{EventKind, GetConsumerRequest, SubscribeRequest};
use entente_tests::Suite;
use entente_tests::nats::{Nats, STREAM};
use entente_tests::suite::{Replicas, eventually};

/// Invitations one after the other, as many as are asked for.
async fn invite(suite: &Suite, count: usize) {
    for _ in 0..count {
        suite.invite_many().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_handshake_arrive_once_and_in_order() {
    let Some(nats) = Nats::start().await else { return };
    let inviter = Suite::with(&["--nats-url", &nats.url()]).await;
    let invitee = Suite::start().await;
    invitee.connect_to(&inviter).await;
    eventually("the inviter is done, too", async || {
        let exchanges = inviter.all_exchanges().await;
        exchanges.iter().all(|exchange| exchange.state() == ExchangeState::Done).then_some(())
    })
    .await;
    let log = inviter.all_events().await;
    nats.assert_published(&log).await;
    for message in nats.published(log.len()).await {
        let sequence = message.event.sequence.to_string();
        assert_eq!(message.headers, ["application/protobuf", "default", &sequence]);
        let kind = match message.event.kind() {
            EventKind::InvitationCreated => "invitation-created",
            EventKind::InvitationChanged => "invitation-changed",
            EventKind::ExchangeChanged => "exchange-changed",
            EventKind::ConnectionCreated => "connection-created",
            other => panic!("{other:?}"),
        };
        assert_eq!(message.subject, format!("entente.events.default.{kind}"));
    }
    let last = log.last().unwrap().sequence;
    eventually("the cursor is stored", async || {
        let request = GetConsumerRequest { name: "nats".to_owned() };
        let consumer = inviter.events().get_consumer(request).await.ok()?.into_inner().consumer;
        (consumer?.cursor == last).then_some(())
    })
    .await;
    let published = inviter.metric("entente_nats_events_published_total").await;
    assert_eq!(published, log.len() as f64);
    eventually("nothing waits", async || {
        (inviter.metric("entente_nats_events_waiting").await == 0.0).then_some(())
    })
    .await;
    assert!(!invitee.call("GET", "/metrics", serde_json::Value::Null).await.1.contains("nats"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_nats_loses_nothing_and_doubles_nothing() {
    let Some(mut nats) = Nats::prepare() else { return };
    // It is not there yet when the agent starts.
    let suite = Suite::with(&["--nats-url", &nats.url()]).await;
    invite(&suite, 20).await;
    eventually("the events wait", async || {
        (suite.metric("entente_nats_events_waiting").await == 20.0).then_some(())
    })
    .await;
    nats.restart().await;
    nats.assert_published(&suite.all_events().await).await;
    // It dies in the middle of events.
    for _ in 0..3 {
        let outage = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            nats.kill9();
            tokio::time::sleep(Duration::from_millis(300)).await;
            nats.restart().await;
        };
        tokio::join!(invite(&suite, 200), outage);
    }
    let log = suite.all_events().await;
    assert_eq!(log.len(), 620);
    nats.assert_published(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_agent_doubles_nothing_in_the_stream() {
    let Some(nats) = Nats::start().await else { return };
    let mut suite = Suite::with(&["--nats-url", &nats.url()]).await;
    for round in 1..=3 {
        invite(&suite, 100).await;
        // Some are published whose cursor is not stored.
        nats.published(round * 50).await;
        suite.restart().await;
    }
    assert!(suite.terminate().await.0.success());
    suite.restart().await;
    let log = suite.all_events().await;
    assert_eq!(log.len(), 300);
    nats.assert_published(&log).await;
}

/// A stream that its operator made is used as it is, and what is too large for NATS comes without its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_there_is_not_changed() {
    let Some(nats) = Nats::start().await else { return };
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["entente.events.>".to_owned(), "other".to_owned()],
        max_messages: 3,
        ..Default::default()
    };
    let jetstream = nats.jetstream().await;
    jetstream.create_stream(config).await.unwrap();
    let suite = Suite::with(&["--nats-url", &nats.url()]).await;
    invite(&suite, 4).await;
    let metadata_json = serde_json::json!({ "large": "x".repeat(40_000) }).to_string();
    let kind = InvitationKind::MultiUse.into();
    let request = CreateInvitationRequest { kind, metadata_json, ..Default::default() };
    suite.invite_with(request).await;
    invite(&suite, 1).await;
    let mut stream = jetstream.get_stream(STREAM).await.unwrap();
    eventually("all are published", async || {
        (stream.info().await.ok()?.state.last_sequence == 6).then_some(())
    })
    .await;
    let config = stream.info().await.unwrap().config.clone();
    assert_eq!((config.max_messages, config.subjects.len()), (3, 2));
    let log = suite.all_events().await;
    for (sequence, is_whole) in [(4, true), (5, false), (6, true)] {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let event: entente_rpc::proto::event::v1::Event =
            prost::Message::decode(message.payload).unwrap();
        assert_eq!(event.sequence as u64, sequence);
        assert_eq!(event.record.is_some(), is_whole, "{sequence}");
    }
    assert!(log[4].record.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_is_whole_when_the_leading_replica_dies() {
    let Some(nats) = Nats::start().await else { return };
    let Some(mut replicas) = Replicas::start(3, &["--nats-url", &nats.url()]).await else { return };
    // The oldest leads; one that comes back is the youngest.
    for round in 0..3 {
        invite(&replicas.suites[(round + 1) % 3], 50).await;
        replicas.suites[round].kill9();
        invite(&replicas.suites[(round + 1) % 3], 50).await;
        replicas.suites[round].restart().await;
    }
    let log = replicas.suites[0].all_events().await;
    assert_eq!(log.len(), 300);
    nats.assert_published(&log).await;
}

/// Behind pgbouncer the database carries no words; a reader at one replica learns by NATS what another one did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_wake_each_other_by_nats() {
    let Some(nats) = Nats::start().await else { return };
    let arguments = ["--nats-url", &nats.url()];
    let Some(replicas) = Replicas::behind_pgbouncer(2, &arguments).await else { return };
    let request = SubscribeRequest::default();
    let mut stream = replicas.suites[1].events().subscribe(request).await.unwrap().into_inner();
    // Published by the first replica, which so is connected; the other one began to connect at the same time.
    invite(&replicas.suites[0], 1).await;
    stream.message().await.unwrap().expect("the stream goes on");
    let begun = Instant::now();
    for _ in 0..20 {
        invite(&replicas.suites[0], 1).await;
        stream.message().await.unwrap().expect("the stream goes on");
    }
    // A reader that is not woken looks once a second.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
