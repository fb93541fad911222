use entente_protocol::exchange::Context;
use entente_protocol::{Exchange, Handshake, Input, Target, Terms};
use entente_rpc::ErrorReason;
use entente_rpc::proto::event::v1::{Event, ListEventsRequest};

use super::*;
use crate::events::tests::{Fixture, TENANT};
use crate::store::{Connection, ExchangeRow};

const KEY: &str = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

/// The peer of a key.
pub(in crate::engine) fn target(key: &str) -> Target {
    let key = PublicKey::from_multibase(key).unwrap();
    Target::V1 {
        endpoint: "http://peer.example".to_owned(),
        recipient_keys: vec![key],
        routing_keys: Vec::new(),
        others: Vec::new(),
    }
}

pub(in crate::engine) fn connection(id: &str, alias: &str) -> Connection {
    Connection {
        id: id.to_owned(),
        role: 2,
        protocol: 2,
        my_did: "did:web:agent.example".to_owned(),
        their_did: "did:web:peer.example".to_owned(),
        my_key: KEY.to_owned(),
        their_key: KEY.to_owned(),
        target: serde_json::to_string(&target(KEY)).unwrap(),
        their_label: "Peer".to_owned(),
        alias: alias.to_owned(),
        invitation_id: "i".to_owned(),
        invitation_did: None,
        metadata: String::new(),
        reuses: 0,
        last_seen_at: 1,
        created_at: 1,
        updated_at: 1,
        version: 1,
        from_prior: None,
        prior_did: None,
        prior_key: None,
        first_did: None,
        former_ids: String::new(),
    }
}

fn invitee(id: &str) -> ExchangeRow {
    let machine = Exchange::invitee(Terms {
        handshake: Handshake::DidExchange11,
        invitation_id: "i".to_owned(),
        invitation_keys: vec![PublicKey::from_multibase(KEY).unwrap()],
        invitation_did: None,
        target: Some(target(KEY)),
    });
    ExchangeRow {
        id: id.to_owned(),
        role: 2,
        state: 1,
        protocol: 2,
        invitation_id: "i".to_owned(),
        thread_id: None,
        my_did: None,
        their_did: None,
        their_label: String::new(),
        alias: String::new(),
        invitation_key: KEY.to_owned(),
        invitation_did: String::new(),
        pending_for: None,
        auto_accept: true,
        multi_use: false,
        label: String::new(),
        did_method: 0,
        deadline_at: None,
        goal_code: String::new(),
        goal: String::new(),
        metadata: String::new(),
        machine: serde_json::to_string(&machine).unwrap(),
        created_at: 1,
        updated_at: 1,
        version: 1,
        my_key: None,
    }
}

async fn insert(fixture: &Fixture, connections: &[Connection], exchanges: &[ExchangeRow]) {
    let mut work = fixture.engine.work(TENANT).await.unwrap();
    for row in connections {
        work.insert_connection(row);
    }
    for row in exchanges {
        work.insert_exchange(row);
    }
    fixture.engine.commit(work).await.unwrap();
}

async fn events(fixture: &Fixture) -> Vec<Event> {
    fixture.engine.list_events(TENANT, ListEventsRequest::default()).await.unwrap().events
}

async fn exchange_ids(
    fixture: &Fixture,
    request: pb::ListExchangesRequest,
) -> Answer<(Vec<String>, String)> {
    let page = fixture.engine.list_exchanges(TENANT, request).await?;
    let ids = page.exchanges.into_iter().map(|exchange| exchange.id).collect();
    Ok((ids, page.next_page_token))
}

#[tokio::test]
async fn pages_of_connections_are_bound_to_their_filter() {
    let fixture = Fixture::new().await;
    let rows =
        [connection("1", "a"), connection("2", "b"), connection("3", "a"), connection("4", "a")];
    insert(&fixture, &rows, &[]).await;
    let request =
        pb::ListConnectionsRequest { page_size: 2, alias: "a".into(), ..Default::default() };
    let first = fixture.engine.list_connections(TENANT, request.clone()).await.unwrap();
    let ids: Vec<_> = first.connections.iter().map(|connection| connection.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
    let next = pb::ListConnectionsRequest { page_token: first.next_page_token, ..request };
    let second = fixture.engine.list_connections(TENANT, next.clone()).await.unwrap();
    assert_eq!(second.connections.first().map(|connection| connection.id.as_str()), Some("4"));
    assert_eq!((second.connections.len(), second.next_page_token.as_str()), (1, ""));
    let other = pb::ListConnectionsRequest { alias: "b".into(), ..next };
    let refused = fixture.engine.list_connections(TENANT, other).await.unwrap_err();
    assert_eq!(refused.reason, ErrorReason::InvalidPageToken);
    let theirs = fixture.engine.get_connection("other", "1").await.unwrap_err();
    assert_eq!(theirs.reason, ErrorReason::NotFound);
}

#[tokio::test]
async fn exchanges_are_listed_from_either_end_and_by_any_form_of_a_key() {
    let fixture = Fixture::new().await;
    insert(&fixture, &[], &["1", "2", "3", "4"].map(invitee)).await;
    let newest = pb::ListExchangesRequest {
        descending: true,
        offset: 1,
        page_size: 2,
        ..Default::default()
    };
    let (ids, page_token) = exchange_ids(&fixture, newest.clone()).await.unwrap();
    assert_eq!(ids, ["3", "2"]);
    let next = pb::ListExchangesRequest { page_token, ..newest };
    assert_eq!(exchange_ids(&fixture, next).await.unwrap(), (vec!["1".to_owned()], String::new()));

    let key = PublicKey::from_multibase(KEY).unwrap();
    for (form, count) in
        [(key.multibase(), 4), (key.base58(), 4), (key.did_key_url(), 4), ("unknown".to_owned(), 0)]
    {
        let request = pb::ListExchangesRequest { invitation_key: form, ..Default::default() };
        assert_eq!(exchange_ids(&fixture, request).await.unwrap().0.len(), count);
    }
    for (request, field) in [
        (pb::ListExchangesRequest { offset: 100_001, ..Default::default() }, "offset"),
        (pb::ListExchangesRequest { page_size: -1, ..Default::default() }, "page_size"),
        (pb::ListExchangesRequest { state: 9, ..Default::default() }, "state"),
    ] {
        let why = exchange_ids(&fixture, request).await.unwrap_err();
        assert_eq!(why.violations.first().map(|(path, _)| path.as_str()), Some(field));
    }
}

#[tokio::test]
async fn an_exchange_says_where_the_peer_is_and_why_it_ended() {
    let fixture = Fixture::new().await;
    let waiting = invitee("1");
    let context = Context { message_id: "m".to_owned(), now: 0 };
    let end =
        waiting.machine().unwrap().handle(&context, Input::InvitationEnded("expired".to_owned()));
    let machine = serde_json::to_string(&end.unwrap().next).unwrap();
    insert(&fixture, &[], &[waiting, ExchangeRow { state: 5, machine, ..invitee("2") }]).await;
    let waiting = fixture.engine.get_exchange(TENANT, "1").await.unwrap();
    assert_eq!(waiting.their_endpoint, "http://peer.example");
    assert_eq!(
        (waiting.abandon_cause(), waiting.next_attempt_at),
        (pb::AbandonCause::Unspecified, None)
    );
    let ended = fixture.engine.get_exchange(TENANT, "2").await.unwrap();
    assert_eq!(ended.abandon_cause(), pb::AbandonCause::InvitationEnded);
    assert_eq!(ended.error, "expired");
}

#[tokio::test]
async fn an_update_is_one_version_and_one_event() {
    let fixture = Fixture::new().await;
    insert(&fixture, &[connection("1", "old")], &[]).await;
    let request = pb::UpdateConnectionRequest {
        id: "1".to_owned(),
        alias: Some("new".to_owned()),
        metadata_json: Some(r#"{"a":1}"#.to_owned()),
    };
    let updated = fixture.engine.update_connection(TENANT, request.clone()).await.unwrap();
    assert_eq!((updated.alias.as_str(), updated.version), ("new", 2));
    assert_eq!(fixture.engine.update_connection(TENANT, request).await.unwrap(), updated);
    assert_eq!(fixture.engine.get_connection(TENANT, "1").await.unwrap(), updated);
    let events = events(&fixture).await;
    assert_eq!(events.len(), 1, "a repetition is no change");
    assert_eq!(events[0].kind(), EventKind::ConnectionChanged);
    assert_eq!(events[0].record, Some(Record::Connection(updated)));
}

#[tokio::test]
async fn a_wrong_update_is_refused() {
    let fixture = Fixture::new().await;
    insert(&fixture, &[connection("1", "old")], &[]).await;
    let base = pb::UpdateConnectionRequest { id: "1".to_owned(), ..Default::default() };
    for (request, reason) in [
        (
            pb::UpdateConnectionRequest { alias: Some("x".repeat(257)), ..base.clone() },
            ErrorReason::InvalidField,
        ),
        (
            pb::UpdateConnectionRequest { metadata_json: Some("[]".to_owned()), ..base.clone() },
            ErrorReason::InvalidField,
        ),
        (pb::UpdateConnectionRequest { id: "2".to_owned(), ..base }, ErrorReason::NotFound),
    ] {
        let refused = fixture.engine.update_connection(TENANT, request).await;
        assert_eq!(refused.map_err(|why| why.reason), Err(reason));
    }
    assert_eq!(events(&fixture).await, []);
}

/// An id as it is made at a time.
fn id_made_at(milliseconds: i64) -> String {
    let (high, low) = (milliseconds >> 16, milliseconds & 0xffff);
    format!("{high:08x}-{low:04x}-7000-8000-000000000000")
}

#[tokio::test]
async fn exchanges_are_listed_by_when_they_were_made_and_changed() {
    let fixture = Fixture::new().await;
    let day = 24 * 3_600_000;
    let begin = 1_790_000_000_000;
    let at = |days: i64| begin + days * day;
    // Made on three days; the first changed on the fourth.
    let rows = [(0, 3), (1, 1), (2, 2)].map(|(created, updated)| ExchangeRow {
        created_at: at(created),
        updated_at: at(updated),
        ..invitee(&id_made_at(at(created)))
    });
    insert(&fixture, &[], &rows).await;
    let time = |days| Some(entente_rpc::time_to_proto(at(days)));
    let all = pb::ListExchangesRequest::default;
    for (request, expected) in [
        (all(), vec![0, 1, 2]),
        (pb::ListExchangesRequest { created_from: time(1), ..all() }, vec![1, 2]),
        (pb::ListExchangesRequest { created_before: time(1), ..all() }, vec![0]),
        (
            pb::ListExchangesRequest { created_from: time(1), created_before: time(2), ..all() },
            vec![1],
        ),
        (pb::ListExchangesRequest { updated_from: time(2), ..all() }, vec![0, 2]),
        (pb::ListExchangesRequest { updated_before: time(3), ..all() }, vec![1, 2]),
        (
            pb::ListExchangesRequest {
                updated_from: time(2),
                updated_before: time(3),
                descending: true,
                ..all()
            },
            vec![2],
        ),
        (pb::ListExchangesRequest { created_before: time(-400), ..all() }, vec![]),
    ] {
        let (ids, _) = exchange_ids(&fixture, request.clone()).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|day| rows[day].id.clone()).collect();
        assert_eq!(ids, expected, "{request:?}");
    }
}

#[tokio::test]
async fn an_exchange_is_renamed_with_its_connection() {
    let fixture = Fixture::new().await;
    insert(&fixture, &[connection("1", "old")], &[invitee("1"), invitee("2")]).await;
    let rename = |id: &str, alias: &str| pb::UpdateExchangeRequest {
        id: id.to_owned(),
        alias: Some(alias.to_owned()),
    };
    let renamed = fixture.engine.update_exchange(TENANT, rename("1", "new")).await.unwrap();
    assert_eq!(fixture.engine.update_exchange(TENANT, rename("1", "new")).await.unwrap(), renamed);
    assert_eq!(fixture.engine.get_exchange(TENANT, "1").await.unwrap(), renamed);
    let connection = fixture.engine.get_connection(TENANT, "1").await.unwrap();
    assert_eq!((connection.alias.as_str(), connection.version), ("new", 2));
    let records: Vec<_> = events(&fixture).await.into_iter().map(|event| event.record).collect();
    assert_eq!(
        records,
        [Some(Record::Exchange(renamed)), Some(Record::Connection(connection))],
        "a repetition is no change"
    );
    let alone = fixture.engine.update_exchange(TENANT, rename("2", "x")).await.unwrap();
    assert_eq!(alone.alias, "x");
    for (request, reason) in [
        (rename("1", &"x".repeat(257)), ErrorReason::InvalidField),
        (rename("3", "x"), ErrorReason::NotFound),
    ] {
        let refused = fixture.engine.update_exchange(TENANT, request).await;
        assert_eq!(refused.map_err(|why| why.reason), Err(reason));
    }
}
