use std::sync::atomic::{AtomicBool, Ordering};

use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::event::v1::event_service_server::EventServiceServer;
use entente_rpc::{Code, ErrorReason, caller::for_tenant};
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::*;
use crate::grpc::Grpc;

const WRITERS: usize = 4;
const WORKS: usize = 60;

fn with_heartbeat(seconds: i64, nanos: i32) -> pb::SubscribeRequest {
    let mut request = pb::SubscribeRequest::default();
    let heartbeat = request.heartbeat.get_or_insert_default();
    (heartbeat.seconds, heartbeat.nanos) = (seconds, nanos);
    request
}

/// Three writers tell the feed, as the tasks of this process do; the fourth is another replica and does not.
async fn write(fixture: &Fixture, writer: usize) -> usize {
    let mut written = 0;
    for work_number in 0..WORKS {
        let count = 1 + (writer + work_number) % 3;
        let mut work = fixture.engine.work(TENANT).await.unwrap();
        for _ in 0..count {
            emit(&mut work, pb::EventKind::PingReceived, &format!("w{writer}"), "");
        }
        if writer == 3 {
            work.commit().await.unwrap();
        } else {
            fixture.engine.commit(work).await.unwrap();
        }
        written += count;
        tokio::task::yield_now().await;
    }
    written
}

/// Reads through the generated client, and leaves again and again after a random number of items.
async fn read(fixture: &Fixture, done: &AtomicBool) -> Vec<i64> {
    let server = Grpc { engine: fixture.engine.clone() };
    let mut client = EventServiceClient::new(link::local(EventServiceServer::new(server)));
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let request = pb::SubscribeRequest { after: cursor, ..Default::default() };
        let request = for_tenant(TENANT, request).unwrap();
        let mut events = client.subscribe(request).await.unwrap().into_inner();
        for _ in 0..rand::rng().random_range(1..40) {
            let Ok(item) = timeout(Duration::from_secs(3), events.message()).await else {
                assert!(done.load(Ordering::Relaxed), "nothing came while events were written");
                return seen;
            };
            let item = item.unwrap().expect("no end");
            seen.extend(item.event.map(|event| event.sequence));
            cursor = item.cursor;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_gets_every_event_once_and_in_order() {
    let (fixture, done) = (Arc::new(Fixture::new().await), AtomicBool::new(false));
    let writing = async {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let fixture = fixture.clone();
            writers.spawn(async move { write(&fixture, writer).await });
        }
        let written: usize = writers.join_all().await.into_iter().sum();
        done.store(true, Ordering::Relaxed);
        written
    };
    let (written, seen) = tokio::join!(writing, read(&fixture, &done));
    assert!(written >= WRITERS * WORKS);
    assert_eq!(seen, (1..=i64::try_from(written).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fresh_event_comes_without_a_poll() {
    let fixture = Fixture::new().await;
    let mut events = fixture.after(0).await;
    // Past the first look at the log.
    sleep(Duration::from_millis(50)).await;
    fixture.ping("c", 1).await;
    let event = timeout(Duration::from_millis(500), next(&mut events)).await.unwrap().unwrap();
    assert_eq!((event.cursor, event.event.unwrap().sequence), (1, 1));
}

#[tokio::test]
async fn an_event_that_nobody_told_of_comes_with_the_next_poll() {
    let fixture = Fixture::new().await;
    let mut events = fixture.after(0).await;
    sleep(Duration::from_millis(50)).await;
    let mut work = fixture.engine.work(TENANT).await.unwrap();
    emit(&mut work, pb::EventKind::PingReceived, "c", "");
    work.commit().await.unwrap();
    assert_eq!(next_sequence(&mut events).await, 1);
}

#[tokio::test]
async fn another_tenants_events_do_not_come() {
    let fixture = Fixture::new().await;
    let mut events = fixture.after(0).await;
    let mut work = fixture.engine.work("other").await.unwrap();
    emit(&mut work, pb::EventKind::PingReceived, "theirs", "");
    fixture.engine.commit(work).await.unwrap();
    fixture.ping("ours", 1).await;
    let event = next(&mut events).await.unwrap().event.unwrap();
    assert_eq!((event.sequence, event.connection_id.as_str()), (1, "ours"));
}

/// Writes one work of which only the middle event matches each filter.
async fn mixed(fixture: &Fixture) {
    let mut work = fixture.engine.work(TENANT).await.unwrap();
    emit(&mut work, pb::EventKind::PingReceived, "a", "i");
    emit(&mut work, pb::EventKind::BasicMessageReceived, "b", "j");
    emit(&mut work, pb::EventKind::PingReceived, "a", "i");
    fixture.engine.commit(work).await.unwrap();
}

#[tokio::test]
async fn a_filter_chooses_in_the_log_and_live() {
    let fixture = Fixture::new().await;
    mixed(&fixture).await;
    let kinds = vec![pb::EventKind::BasicMessageReceived.into()];
    for filter in [
        pb::EventFilter { kinds, ..Default::default() },
        pb::EventFilter { connection_id: "b".into(), ..Default::default() },
        pb::EventFilter { invitation_id: "j".into(), ..Default::default() },
    ] {
        let (last, _) = fixture.engine.store.log_bounds(TENANT).await.unwrap();
        let request =
            pb::SubscribeRequest { after: last - 3, filter: Some(filter), ..Default::default() };
        let mut events = fixture.subscribe(request).await.unwrap();
        assert_eq!(next_sequence(&mut events).await, last - 1);
        sleep(Duration::from_millis(50)).await;
        mixed(&fixture).await;
        assert_eq!(next_sequence(&mut events).await, last + 2);
    }
}

#[tokio::test]
async fn a_heartbeat_carries_the_cursor_past_what_did_not_match() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 3).await;
    let request = pb::SubscribeRequest {
        filter: Some(pb::EventFilter { connection_id: "b".into(), ..Default::default() }),
        ..with_heartbeat(1, 0)
    };
    let mut events = fixture.subscribe(request).await.unwrap();
    assert_eq!(next(&mut events).await.unwrap(), pb::SubscribeResponse { cursor: 3, event: None });
    fixture.ping("a", 2).await;
    assert_eq!(next(&mut events).await.unwrap(), pb::SubscribeResponse { cursor: 5, event: None });
}

#[tokio::test]
async fn who_begins_now_learns_the_cursor_at_once() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 3).await;
    let request = pb::SubscribeRequest { from_now: true, ..Default::default() };
    let mut events = fixture.subscribe(request).await.unwrap();
    fixture.ping("a", 1).await;
    assert_eq!(next(&mut events).await.unwrap(), pb::SubscribeResponse { cursor: 3, event: None });
    assert_eq!(next_sequence(&mut events).await, 4);
}

#[tokio::test]
async fn a_wrong_request_is_refused() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 3).await;
    let filter = Some(pb::EventFilter { kinds: vec![999], ..Default::default() });
    for (request, reason) in [
        (pb::SubscribeRequest { after: 4, ..Default::default() }, ErrorReason::CursorInFuture),
        (pb::SubscribeRequest { after: -1, ..Default::default() }, ErrorReason::InvalidField),
        (
            pb::SubscribeRequest { after: 1, from_now: true, ..Default::default() },
            ErrorReason::InvalidField,
        ),
        (with_heartbeat(0, 999_000_000), ErrorReason::InvalidField),
        (pb::SubscribeRequest { filter, ..Default::default() }, ErrorReason::InvalidField),
    ] {
        let refused = fixture.subscribe(request.clone()).await.err().map(|why| why.reason);
        assert_eq!(refused, Some(reason), "{request:?}");
    }
}

#[tokio::test]
async fn a_slow_reader_is_sent_away_with_its_cursor() {
    let fixture = Fixture::with(|config| config.slow_reader = Duration::from_millis(100)).await;
    fixture.ping("a", 200).await;
    let mut events = fixture.after(0).await;
    sleep(Duration::from_millis(600)).await;
    let (mut seen, why) = drain_to_end(&mut events).await;
    assert_eq!(why.reason, ErrorReason::SlowReader);
    assert!(events.next().await.is_none(), "the failure is the end");
    let cursor: i64 = why.metadata("cursor").unwrap().parse().unwrap();
    assert_eq!(seen.last(), Some(&cursor));
    assert!(cursor < 200);
    let mut again = fixture.after(cursor).await;
    while seen.len() < 200 {
        seen.push(next_sequence(&mut again).await);
    }
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn events_that_are_no_longer_kept_are_an_error() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 10).await;
    fixture.purge(5).await;
    let request = pb::SubscribeRequest { after: 4, ..Default::default() };
    let why = fixture.subscribe(request).await.err().unwrap();
    assert_eq!((why.reason, why.code()), (ErrorReason::EventsExpired, Code::OutOfRange));
    assert_eq!(why.metadata("oldest"), Some("6"));
    assert_eq!(next_sequence(&mut fixture.after(5).await).await, 6);
}

#[tokio::test]
async fn a_purge_that_overtakes_a_reader_is_an_error() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 500).await;
    let mut events = fixture.after(0).await;
    // The task is blocked now: the channel is full.
    sleep(Duration::from_millis(200)).await;
    fixture.purge(400).await;
    let (seen, why) = drain_to_end(&mut events).await;
    assert_eq!(seen, (1..=i64::try_from(seen.len()).unwrap()).collect::<Vec<_>>());
    assert!(seen.len() < 400);
    assert_eq!(why.reason, ErrorReason::EventsExpired);
    assert_eq!(
        (why.metadata("oldest"), why.metadata("cursor").unwrap()),
        (Some("401"), seen.len().to_string().as_str())
    );
}

#[tokio::test]
async fn a_drain_ends_the_stream_with_its_cursor() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 2).await;
    let mut events = fixture.after(0).await;
    assert_eq!(next_sequence(&mut events).await, 1);
    fixture.drain.send_replace(true);
    let (seen, why) = drain_to_end(&mut events).await;
    let cursor = 1 + i64::try_from(seen.len()).unwrap();
    assert_eq!(
        (why.code(), why.metadata("cursor").unwrap()),
        (Code::Unavailable, cursor.to_string().as_str())
    );
}

#[tokio::test]
async fn a_stream_says_goodbye_before_its_connection_is_cut() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 2).await;
    let at = Instant::now() + Duration::from_secs(1);
    let end = End { drain: fixture.drain.subscribe(), at: Some(at) };
    let request = pb::SubscribeRequest::default();
    let mut events = fixture.engine.subscribe(TENANT, request, end).await.unwrap();
    let (seen, why) = drain_to_end(&mut events).await;
    assert!(Instant::now() < at, "too late to be heard");
    assert_eq!(seen, [1, 2]);
    assert_eq!((why.reason, why.metadata("cursor")), (ErrorReason::Draining, Some("2")));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_task() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 200).await;
    let before = fixture.drain.receiver_count();
    let (idle, blocked) = (fixture.after(200).await, fixture.after(0).await);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(fixture.drain.receiver_count(), before + 2);
    drop((idle, blocked));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(fixture.drain.receiver_count(), before);
}
