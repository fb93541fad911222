//! Several replicas of one agent on one PostgreSQL: what one does the others know, and who dies is relieved.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, ExchangeState, InvitationKind,
};
use entente_rpc::proto::event::v1::{EventKind, SubscribeRequest};
use entente_tests::suite::{Replicas, eventually, seconds};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A reader at one replica is given what others do, in order; when its replica dies it goes on at another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_events_goes_on_at_another_replica() {
    let Some(mut replicas) = Replicas::start(3, &[]).await else { return };
    let mut sequences = Vec::new();
    for round in 0..3 {
        let after = sequences.last().copied().unwrap_or_default();
        let request = SubscribeRequest { after, ..Default::default() };
        let reader = &replicas.suites[round];
        let mut stream = reader.events().subscribe(request).await.unwrap().into_inner();
        for _ in 0..10 {
            let writer = &replicas.suites[(round + 1) % 3];
            writer.invite().await;
        }
        while sequences.len() < (round + 1) * 10 {
            let answer = stream.message().await.unwrap().expect("the stream goes on");
            sequences.extend(answer.event.map(|event| event.sequence));
        }
        replicas.suites[round].kill9();
        let ended = loop {
            if let Err(status) = stream.message().await {
                break status;
            }
        };
        assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
        replicas.suites[round].restart().await;
    }
    let expected: Vec<i64> = (1..=30).collect();
    assert_eq!(sequences, expected, "each event once, in order");
}

/// What a dead replica had to send, another sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_dead_replica_are_sent_by_another() {
    let Some(mut replicas) = Replicas::start(2, &[]).await else { return };
    let peer = Peer::start().await;
    // The peer's host takes nothing for now, so that the request stays with the replica that made it.
    peer.listener.answer(503);
    let invitation = peer.invitation(json!({}));
    let acceptance = replicas.suites[0].receive(&invitation).await;
    let exchange = eventually("the first attempt failed", async || {
        let exchange = replicas.suites[1].exchange_of(&acceptance.invitation_id).await;
        (exchange.attempts > 0).then_some(exchange)
    })
    .await;
    assert_eq!(exchange.state(), ExchangeState::Request);
    replicas.suites[0].kill9();
    peer.listener.answer(202);
    let request = peer.listener.next().await.message;
    assert_eq!(request["@id"], exchange.thread_id);
}

/// While one replica after another is killed and started again, every handshake that was acknowledged ends, in one
/// connection on each side, and no event is missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handshakes_and_reuses_survive_the_death_of_replicas() {
    let Some(mut replicas) = Replicas::start(3, &[]).await else { return };
    let invitee = Suite::start().await;
    let stopped = Arc::new(AtomicBool::new(false));
    let addresses: Vec<_> = replicas.suites.iter().map(Suite::link).collect();
    let mut made = 0;
    for round in 0..6 {
        let victim = round % 3;
        let links = addresses.clone();
        let stop = Arc::clone(&stopped);
        let load = tokio::spawn(async move {
            let mut urls = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                urls.push(invite(&links, urls.len()).await);
            }
            urls
        });
        let accepting = async {
            for _ in 0..4 {
                let url = invite(&addresses, made).await;
                made += 1;
                let request = AcceptInvitationRequest {
                    invitation: url,
                    wait: Some(seconds(20)),
                    ..Default::default()
                };
                let accepted = invitee.accept_with(request).await.unwrap();
                assert!(!accepted.connection_id.is_empty(), "{accepted:?}");
            }
        };
        let killing = async {
            tokio::time::sleep(Duration::from_millis(50 * round as u64)).await;
            replicas.suites[victim].kill9();
            tokio::time::sleep(Duration::from_millis(300)).await;
            replicas.suites[victim].restart().await;
        };
        tokio::join!(accepting, killing);
        stopped.store(true, Ordering::Relaxed);
        assert!(!load.await.unwrap().is_empty());
        stopped.store(false, Ordering::Relaxed);
    }
    let done = eventually("every handshake is done on both sides", async || {
        let ours = replicas.suites[0].all_connections().await;
        let theirs = invitee.all_connections().await;
        (ours.len() == made && theirs.len() == made).then_some(theirs)
    })
    .await;
    let pairs: BTreeSet<_> = done.iter().map(|connection| &connection.their_did).collect();
    assert_eq!(pairs.len(), made, "each with its own DID");
    let events = replicas.suites[0].all_events().await;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.sequence, i64::try_from(index).unwrap() + 1);
    }
    let created = events.iter().filter(|event| event.kind() == EventKind::ConnectionCreated);
    assert_eq!(created.count(), made);
}

/// An invitation of whichever replica answers. A caller tries again what failed with UNAVAILABLE.
async fn invite(links: &[entente_rpc::Link], first: usize) -> String {
    use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
    let request_id = uuid::Uuid::new_v4().to_string();
    for attempt in 0..200 {
        let link = links[(first + attempt) % links.len()].clone();
        let request = CreateInvitationRequest {
            request_id: request_id.clone(),
            create_unique_did: true,
            ..Default::default()
        };
        match InvitationServiceClient::new(link).create_invitation(request).await {
            Ok(answer) => return answer.into_inner().invitation.unwrap().url,
            Err(status) => {
                let retryable = [Code::Unavailable, Code::Aborted, Code::Unknown, Code::Cancelled];
                assert!(retryable.contains(&status.code()), "{status:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no replica answers");
}

/// Each event is delivered by one of the replicas' gateways, and by another when that one dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_delivers_to_a_webhook() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let hooks = Arc::clone(&told);
    let router = axum::Router::new().fallback(async move |body: String| {
        let body: Value = serde_json::from_str(&body).unwrap();
        hooks.lock().unwrap().push(body["invi_msg_id"].as_str().unwrap_or_default().to_owned());
    });
    tokio::spawn(async move { axum::serve(socket, router).await });
    let Some(mut replicas) = Replicas::start(3, &["--webhook-url", &url]).await else { return };
    let mut made = Vec::new();
    for round in 0..3 {
        for _ in 0..5 {
            let kind = InvitationKind::MultiUse.into();
            let request = CreateInvitationRequest { kind, ..Default::default() };
            // The last one lives to the end.
            made.push(replicas.suites[2].invite_with(request).await.id);
        }
        eventually("all are told", async || {
            let told: BTreeSet<_> = told.lock().unwrap().iter().cloned().collect();
            (told.len() == made.len()).then_some(())
        })
        .await;
        if round == 0 {
            assert_eq!(told.lock().unwrap().len(), made.len(), "each once");
        }
        if round < 2 {
            replicas.suites[round].kill9();
        }
    }
}

/// A number that was drawn and is not committed holds up those after it: a reader passes over none, whether it comes
/// or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_events_are_committed_in_their_order() {
    let Some(replicas) = Replicas::start(2, &[]).await else { return };
    let [reader, writer] = &replicas.suites[..] else { panic!("two") };
    // One event each.
    writer.invite_many().await;
    let mut stream =
        reader.events().subscribe(SubscribeRequest::default()).await.unwrap().into_inner();
    let mut sequences = Vec::new();
    while sequences.is_empty() {
        let answer = stream.message().await.unwrap().expect("the stream goes on");
        sequences.extend(answer.event.map(|event| event.sequence));
    }
    for ending in ["ROLLBACK", "COMMIT"] {
        let mut other = replicas.place.session(false).await.unwrap();
        other.run("SET entente.tenant = '*'; BEGIN; UPDATE logs SET last_sequence = last_sequence + 1;").await.unwrap();
        // A copy of the first event, under the number that was drawn.
        other
            .run(
                "INSERT INTO events SELECT e.tenant, l.last_sequence, e.kind, e.connection_id, e.invitation_id, e.time, \
                 e.record FROM events e JOIN logs l ON l.tenant = e.tenant WHERE e.sequence = 1",
            )
            .await
            .unwrap();
        let mut later = Box::pin(writer.invite_many());
        let waits = tokio::time::timeout(Duration::from_millis(700), &mut later).await;
        assert!(waits.is_err(), "it has a later number, and must not be committed before");
        let seen: Vec<_> = reader.all_events().await.iter().map(|event| event.sequence).collect();
        assert_eq!(seen, sequences, "nothing of it is seen");
        other.run(ending).await.unwrap();
        later.await;
        let count = sequences.len() + if ending == "COMMIT" { 2 } else { 1 };
        while sequences.len() < count {
            let answer = stream.message().await.unwrap().expect("the stream goes on");
            sequences.extend(answer.event.map(|event| event.sequence));
        }
        let expected: Vec<i64> = (1..=i64::try_from(count).unwrap()).collect();
        assert_eq!(sequences, expected, "{ending}");
    }
}

/// A statement that ends all sessions of a database, but not what the server does in it by itself: that is a superuser's.
fn ending_sessions(database: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{database}' AND backend_type = 'client backend'"
    )
}

/// As when the database is started again: sessions end in the middle of their work, and for a while there are no new
/// ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_away_for_a_while_loses_nothing() {
    let Some(replicas) = Replicas::start(2, &[]).await else { return };
    let invitee = Suite::start().await;
    let links: Vec<_> = replicas.suites.iter().map(Suite::link).collect();
    let mut session = replicas.place.session(true).await.unwrap();
    let name = replicas.place.url().rsplit('/').next().unwrap().to_owned();
    let end = ending_sessions(&name);
    let accepting = async {
        for at in 0..12 {
            let request = AcceptInvitationRequest {
                invitation: invite(&links, at).await,
                wait: Some(seconds(25)),
                ..Default::default()
            };
            let accepted = invitee.accept_with(request).await.unwrap();
            assert!(!accepted.connection_id.is_empty(), "{accepted:?}");
        }
    };
    let ending = async {
        for round in 0..6 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            session.run(&end).await.unwrap();
            if round % 3 == 0 {
                session
                    .run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
                    .await
                    .unwrap();
                session.run(&end).await.unwrap();
                tokio::time::sleep(Duration::from_millis(800)).await;
                session
                    .run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
                    .await
                    .unwrap();
            }
        }
    };
    tokio::join!(accepting, ending);
    eventually("every handshake is done on both sides, once", async || {
        let ours = replicas.any().all_connections().await;
        let theirs = invitee.all_connections().await;
        assert!(ours.len() <= 12 && theirs.len() <= 12);
        (ours.len() == 12 && theirs.len() == 12).then_some(())
    })
    .await;
    for (at, event) in replicas.any().all_events().await.iter().enumerate() {
        assert_eq!(event.sequence, i64::try_from(at).unwrap() + 1);
    }
}

/// A process whose database is away says that calls are not welcome, and that it lives; it is back when the database is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_its_database_is_not_ready() {
    let Some(replicas) = Replicas::start(1, &[]).await else { return };
    let suite = replicas.any();
    let mut health = HealthClient::new(suite.link());
    let mut states = async || {
        let mut told = Vec::new();
        for service in ["", "readiness", "entente.keystore.v1.KeystoreService", "liveness"] {
            let request = HealthCheckRequest { service: service.to_owned() };
            told.push(health.check(request).await.unwrap().into_inner().status());
        }
        (told, suite.call("GET", "/status/ready", Value::Null).await.0)
    };
    let (yes, no) = (ServingStatus::Serving, ServingStatus::NotServing);
    assert_eq!(states().await, (vec![yes; 4], 200));
    let mut session = replicas.place.session(true).await.unwrap();
    let name = replicas.place.url().rsplit('/').next().unwrap().to_owned();
    let allow = |allowed: bool| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}");
    session.run(&allow(false)).await.unwrap();
    let end = ending_sessions(&name);
    session.run(&end).await.unwrap();
    eventually("it says that it is not ready", async || {
        (states().await == (vec![no, no, no, yes], 503)).then_some(())
    })
    .await;
    session.run(&allow(true)).await.unwrap();
    eventually("it says that it is ready", async || {
        (states().await == (vec![yes; 4], 200)).then_some(())
    })
    .await;
}

/// A call whose time is over while the database holds it up is told so, and has happened whole or not at all: made again
/// by its request_id it has happened once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_in_the_midst_of_a_transaction_leaves_no_half_of_it() {
    let Some(replicas) = Replicas::start(1, &[]).await else { return };
    let suite = replicas.any();
    suite.invite().await;
    let before = suite.all_events().await.len();
    let requests: Vec<_> = (0..8)
        .map(|at| CreateInvitationRequest {
            request_id: format!("call-{at}"),
            ..Default::default()
        })
        .collect();
    let mut other = replicas.place.session(false).await.unwrap();
    other
        .run("SET entente.tenant = '*'; BEGIN; UPDATE logs SET last_sequence = last_sequence;")
        .await
        .unwrap();
    let held_up = requests.iter().map(async |request| {
        let mut request = entente_rpc::Request::new(request.clone());
        request.set_timeout(Duration::from_millis(200));
        suite.invitations().create_invitation(request).await.unwrap_err()
    });
    for status in futures_util::future::join_all(held_up).await {
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    }
    other.run("ROLLBACK").await.unwrap();
    let mut made = BTreeSet::new();
    for request in requests {
        made.insert(suite.invite_with(request).await.id);
    }
    assert_eq!(made.len(), 8);
    let events = suite.all_events().await;
    assert_eq!(events.len(), before * 9, "each once, with its events");
}

/// Sessions are not relied on: not for statements, nor for locks, nor for being woken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_work_behind_a_proxy_that_shares_sessions() {
    let Some(replicas) = Replicas::behind_pgbouncer(2, &[]).await else { return };
    let invitee = Suite::start().await;
    let invitations = [replicas.any().invite().await, replicas.any().invite().await];
    assert_eq!(invitations[0].did, invitations[1].did);
    let first = invitee.accept(&invitations[0].url).await;
    let second = invitee.accept(&invitations[1].url).await;
    assert_eq!(first.connection_id, second.connection_id, "the second reuses the connection");
    assert_eq!(replicas.any().all_connections().await.len(), 1);
    let (ours, theirs) = replicas.any().connect_to(&invitee).await;
    assert_eq!(ours.their_did, theirs.my_did);
}
