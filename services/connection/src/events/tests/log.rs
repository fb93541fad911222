use entente_rpc::ErrorReason;

use super::*;

async fn page(
    fixture: &Fixture,
    after: i64,
    page_size: i32,
    filter: pb::EventFilter,
) -> Result<pb::ListEventsResponse, Failure> {
    let request = pb::ListEventsRequest { after, filter: Some(filter), page_size };
    fixture.engine.list_events(TENANT, request).await
}

fn sequences(page: &pb::ListEventsResponse) -> Vec<i64> {
    page.events.iter().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn pages_follow_each_other() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 150).await;
    let first = page(&fixture, 0, 0, pb::EventFilter::default()).await.unwrap();
    assert_eq!((sequences(&first), first.cursor, first.end), ((1..=100).collect(), 100, false));
    let second = page(&fixture, 100, 0, pb::EventFilter::default()).await.unwrap();
    assert_eq!((sequences(&second), second.cursor, second.end), ((101..=150).collect(), 150, true));
    let exact = page(&fixture, 100, 50, pb::EventFilter::default()).await.unwrap();
    assert!(exact.end);
}

#[tokio::test]
async fn the_cursor_passes_what_does_not_match() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 10).await;
    fixture.ping("b", 1).await;
    fixture.ping("a", 10).await;
    let of_b = pb::EventFilter { connection_id: "b".into(), ..Default::default() };
    let found = page(&fixture, 0, 1, of_b.clone()).await.unwrap();
    assert_eq!((sequences(&found), found.cursor, found.end), (vec![11], 11, false));
    let rest = page(&fixture, 11, 1, of_b).await.unwrap();
    assert_eq!((sequences(&rest), rest.cursor, rest.end), (vec![], 21, true));
}

#[tokio::test]
async fn a_page_of_large_events_is_shorter() {
    let fixture = Fixture::new().await;
    let mut work = fixture.engine.work(TENANT).await.unwrap();
    for _ in 0..5 {
        let message_json = "x".repeat(900_000);
        work.emit(NewEvent {
            kind: pb::EventKind::MessageReceived,
            connection_id: String::new(),
            invitation_id: String::new(),
            record: pb::event::Record::Message(pb::Message { message_json, ..Default::default() }),
        });
    }
    fixture.engine.commit(work).await.unwrap();
    let first = page(&fixture, 0, 0, pb::EventFilter::default()).await.unwrap();
    assert_eq!((sequences(&first), first.cursor, first.end), (vec![1, 2], 2, false));
    let last = page(&fixture, 4, 0, pb::EventFilter::default()).await.unwrap();
    assert_eq!((sequences(&last), last.end), (vec![5], true));
}

#[tokio::test]
async fn a_cursor_outside_of_the_log_is_refused() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 10).await;
    fixture.purge(5).await;
    for (after, reason) in [
        (11, ErrorReason::CursorInFuture),
        (4, ErrorReason::EventsExpired),
        (-1, ErrorReason::InvalidField),
    ] {
        let refused = page(&fixture, after, 0, pb::EventFilter::default()).await;
        assert_eq!(refused.map_err(|why| why.reason), Err(reason), "after {after}");
    }
}
