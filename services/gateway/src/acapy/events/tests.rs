use entente_rpc::proto::connection::v1::{
    Acceptance, AcceptanceState, Connection, Invitation, Role,
};

use super::*;

fn event(kind: EventKind, record: Record) -> Event {
    Event { sequence: 1, kind: kind.into(), record: Some(record), ..Event::default() }
}

fn message(json: &str) -> Record {
    Record::Message(Message {
        connection_id: "c1".into(),
        message_id: "m1".into(),
        thread_id: "t1".into(),
        message_json: json.into(),
        ..Message::default()
    })
}

fn exchange(state: ExchangeState) -> Record {
    Record::Exchange(Exchange {
        id: "c1".into(),
        role: Role::Invitee.into(),
        state: state.into(),
        ..Exchange::default()
    })
}

#[test]
fn each_event_has_its_topic_and_payload() {
    let reuse = Record::Reuse(Reuse {
        thread_id: "t1".into(),
        connection_id: "c1".into(),
        invitation_id: "i1".into(),
        ..Reuse::default()
    });
    for (kind, record, topic, expected) in [
        (
            EventKind::ConnectionReuse,
            reuse.clone(),
            "connection_reuse",
            json!({"thread_id": "t1", "connection_id": "c1",
                "comment": "Connection c1 is being reused for invitation i1"}),
        ),
        (
            EventKind::ConnectionReuseRejected,
            reuse,
            "connection_reuse_accepted",
            json!({"thread_id": "t1", "connection_id": "c1", "state": "rejected",
                "comment": "Connection c1 is not reused for invitation i1"}),
        ),
        (
            EventKind::BasicMessageReceived,
            message(r#"{"content": "hi", "sent_time": "2026", "~l10n": {"locale": "en"}}"#),
            "basicmessages",
            json!({"connection_id": "c1", "message_id": "m1", "content": "hi", "state": "received",
                "sent_time": "2026", "locale": "en"}),
        ),
        (
            EventKind::PingReceived,
            message(r#"{"comment": "x", "response_requested": false}"#),
            "ping",
            json!({"comment": "x", "connection_id": "c1", "responded": false, "state": "received", "thread_id": "t1"}),
        ),
        (
            EventKind::PingResponseReceived,
            message("{}"),
            "ping",
            json!({"comment": null, "connection_id": "c1", "state": "response_received", "thread_id": "t1"}),
        ),
        (
            EventKind::ProblemReportReceived,
            message(r#"{"@type": "p", "description": {"code": "x"}}"#),
            "problem_report",
            json!({"@type": "p", "description": {"code": "x"}, "connection_id": "c1"}),
        ),
    ] {
        assert_eq!(
            project(&event(kind, record)),
            Some(Hook { topic, payload: expected }),
            "{kind:?}"
        );
    }
}

#[test]
fn a_connection_becomes_active_once() {
    let done = project(&event(EventKind::ExchangeChanged, exchange(ExchangeState::Done))).unwrap();
    assert_eq!((done.topic, &done.payload["state"]), ("connections", &json!("active")));
    assert_eq!(done.payload["rfc23_state"], "completed");
    let made = |role: Role| {
        let made = Connection { role: role.into(), ..Connection::default() };
        project(&event(EventKind::ConnectionCreated, Record::Connection(made)))
    };
    assert_eq!(made(Role::Invitee), None);
    // No exchange tells of a static connection.
    let hook = made(Role::Unspecified).unwrap();
    assert_eq!((hook.topic, &hook.payload["state"]), ("connections", &json!("active")));
    assert_eq!(hook.payload["invitation_mode"], "static");
}

#[test]
fn deletion_is_told_once() {
    let kind = EventKind::ExchangeDeleted;
    assert_eq!(project(&event(kind, exchange(ExchangeState::Done))), None);
    let gone = project(&event(kind, exchange(ExchangeState::Request))).unwrap().payload;
    assert_eq!((&gone["state"], &gone["rfc23_state"]), (&json!("deleted"), &json!("deleted")));
    let made = Record::Connection(Connection { id: "c1".into(), ..Connection::default() });
    let gone = project(&event(EventKind::ConnectionDeleted, made)).unwrap().payload;
    assert_eq!((&gone["connection_id"], &gone["state"]), (&json!("c1"), &json!("deleted")));
    // What became part of another is there still, by its id too.
    let merged = Connection { id: "c1".into(), merged_into: "c2".into(), ..Connection::default() };
    assert_eq!(project(&event(EventKind::ConnectionMerged, Record::Connection(merged))), None);
}

#[test]
fn invitations_of_both_sides_are_out_of_band() {
    let ours = Record::Invitation(Invitation { id: "i1".into(), ..Invitation::default() });
    let hook = project(&event(EventKind::InvitationDeleted, ours)).unwrap();
    assert_eq!((hook.topic, &hook.payload["state"]), ("out_of_band", &json!("deleted")));
    assert!(hook.payload.get("rfc23_state").is_none());
    let theirs = Record::Acceptance(Acceptance {
        state: AcceptanceState::Reused.into(),
        ..Acceptance::default()
    });
    let hook = project(&event(EventKind::AcceptanceChanged, theirs)).unwrap();
    assert_eq!((hook.topic, &hook.payload["state"]), ("out_of_band", &json!("reuse-accepted")));
}

#[test]
fn only_the_kinds_read_have_a_topic() {
    for number in 1..=64 {
        let Ok(kind) = EventKind::try_from(number) else { continue };
        let records = [
            Record::Invitation(Invitation::default()),
            exchange(ExchangeState::Request),
            Record::Connection(Connection::default()),
            Record::Acceptance(Acceptance::default()),
            Record::Reuse(Reuse::default()),
            message("{}"),
        ];
        let has_topic = records.into_iter().any(|record| project(&event(kind, record)).is_some());
        assert_eq!(has_topic, KINDS.contains(&kind), "{kind:?}");
    }
}
