use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::message::{ReturnRoute, Version};

const REQUEST: &str = "https://atalaprism.io/mercury/connections/1.0/request";
const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
const ALICE: &str = "did:example:alice";
const BOB: &str = "did:example:bob";

fn parse(value: Value) -> Result<Message, MessageError> {
    Message::parse(value.to_string().as_bytes())
}

fn with(field: &str, value: Value) -> Result<Message, MessageError> {
    let mut message = json!({"id": "m", "type": PING, "body": {}});
    message[field] = value;
    parse(message)
}

#[test]
fn reads_and_writes_what_a_cloud_agent_sends() {
    let request = json!({
        "id": "3d8c5d8c-0ac2-4f9f-9b64-6e2b7b4e2c11", "typ": "application/didcomm-plain+json",
        "type": REQUEST, "from": ALICE, "to": [BOB],
        "thid": "0a2ac0e5-8b1a-4a3c-8cf0-3c1a4b3a9d6e", "pthid": "0a2ac0e5-8b1a-4a3c-8cf0-3c1a4b3a9d6e",
        "created_time": 1_718_621_260, "expires_time": 1_718_622_260,
        "body": {"goal_code": "io.atala", "accept": []},
    });
    let read = parse(request.clone()).unwrap();
    assert!(read.is_v2() && read.message_type.is_identus("connections", "request"));
    assert!(!read.is("connections", "request"), "not the connections/1.0 of RFC 0160");
    assert_eq!(read.message_type.version, Version::new(1, 0));
    assert_eq!(read.from_did().unwrap().as_str(), ALICE);
    assert_eq!(read.to_dids()[0].as_str(), BOB);
    assert_eq!(read.thread_id(), read.parent_thread_id().unwrap());
    assert!(read.is_expired(1_718_622_260) && !read.is_expired(1_718_622_259));
    assert_eq!(read.text("goal_code"), Ok(Some("io.atala")));
    assert_eq!(read.to_value(), request);

    let response = read.message_type.answer(Version::new(1, 0), "response");
    let alice = read.from_did().unwrap();
    let answer = Message::new_v2("r", &response).reply_to(&read).between(&read.to_dids()[0], alice);
    assert_eq!(
        answer.created_at(5).expiring_at(1005).to_value(),
        json!({
            "id": "r", "typ": "application/didcomm-plain+json", "from": BOB, "to": [ALICE],
            "type": "https://atalaprism.io/mercury/connections/1.0/response",
            "thid": request["thid"], "pthid": request["pthid"],
            "created_time": 5, "expires_time": 1005, "body": {},
        })
    );
}

#[test]
fn takes_null_for_absent() {
    let bare = parse(json!({"id": "m", "type": PING})).unwrap();
    let nulls = json!({
        "id": "m", "type": PING, "typ": null, "from": null, "to": null, "thid": null, "pthid": null,
        "created_time": null, "expires_time": null, "body": null, "attachments": null,
        "from_prior": null, "please_ack": null, "ack": null, "return_route": null,
    });
    assert_eq!(parse(nulls).as_ref(), Ok(&bare));
    assert_eq!(bare.thread_id(), "m");
    assert_eq!(bare.to_value()["body"], json!({}), "always written");
    let goals = with("body", json!({"goal": null, "goal_code": null})).unwrap();
    assert_eq!((goals.text("goal"), goals.text("goal_code")), (Ok(None), Ok(None)));
}

#[test]
fn keeps_every_header() {
    let full = json!({
        "id": "m", "type": PING, "typ": "application/didcomm-plain+json", "from": ALICE,
        "to": [BOB, "did:example:carol"], "thid": "t", "pthid": "p", "created_time": 1,
        "expires_time": 2, "from_prior": "a.b.c", "please_ack": ["", "x"], "ack": ["y"],
        "return_route": "thread", "return_route_thread": "t2", "lang": "de", "trace": {"x": [1]},
        "@id": "of no meaning here", "body": {"response_requested": true},
        "attachments": [{
            "id": "1", "description": "d", "filename": "f", "media_type": "application/json",
            "format": "x/y", "lastmod_time": 5, "byte_count": 7,
            "data": {"json": {"a": 1}, "base64": "e30", "links": ["https://x"], "hash": "zQm", "jws": {}},
        }],
    });
    let read = parse(full.clone()).unwrap();
    assert_eq!(read.to_value(), full);
    assert_eq!(read.return_route(), ReturnRoute::Thread("t2"));
    assert_eq!(read.acks_wanted(), ["m", "x"]);
    assert_eq!(read.v2.as_ref().unwrap().other.len(), 3);
    assert_eq!(Message::parse(&read.to_vec()), Ok(read));
}

#[test]
fn tells_the_versions_apart() {
    assert_eq!(parse(json!({"id": "m", "body": {}})), Err(MessageError::NoType));
    let both = json!({"@type": PING, "type": PING, "id": "m", "@id": "m"});
    assert_eq!(parse(both), Err(MessageError::TwoTypes));
    let missing = |field| Err(MessageError::Missing { field });
    assert_eq!(parse(json!({"type": PING, "@id": "m"})), missing("id"));
    assert_eq!(parse(json!({"@type": PING, "id": "m"})), missing("@id"));
    let v1 = parse(json!({"@type": PING, "@id": "m", "return_route": "all"})).unwrap();
    assert!(!v1.is_v2() && v1.from_did().is_none() && v1.to_dids().is_empty());
    assert_eq!(v1.return_route(), ReturnRoute::None);
    let decorated = json!({"type": PING, "id": "m", "~transport": {"return_route": "all"}});
    assert_eq!(parse(decorated).unwrap().return_route(), ReturnRoute::None);
    assert_eq!(with("return_route", "all".into()).unwrap().return_route(), ReturnRoute::All);
}

#[test]
fn compares_types_and_ids_as_its_version_does() {
    for kind in [PING, "https://didcomm.org/TrustPing/2.1/Ping"] {
        let v2 = parse(json!({"id": "A-1", "type": kind})).unwrap();
        assert!(v2.is("trust-ping", "ping"), "{kind}");
        assert!(!v2.is("trust-ping", "ping-response"));
        assert_eq!(v2.comparable(&v2.id), "a-1");
        let v1 = parse(json!({"@id": "A-1", "@type": kind})).unwrap();
        assert_eq!(v1.is("trust-ping", "ping"), kind == PING);
        assert_eq!(v1.comparable(&v1.id), "A-1");
    }
    let foreign = parse(json!({"id": "m", "type": "https://example.com/trust-ping/2.0/ping"}));
    assert!(!foreign.unwrap().is("trust-ping", "ping"));
}

#[test]
fn names_the_header_that_is_wrong() {
    for (field, value) in [
        ("type", json!(1)),
        ("type", json!("ping")),
        ("id", json!("")),
        ("id", json!(7)),
        ("id", json!("x".repeat(MAX_ID_BYTES + 1))),
        ("typ", json!("application/didcomm-encrypted+json")),
        ("thid", json!([])),
        ("pthid", json!({})),
        ("from", json!([ALICE])),
        ("from", json!("alice")),
        ("from", json!("EMmo7oSqQk1twmgLDRNjzC")),
        ("to", json!({"a": 1})),
        ("to", json!([1])),
        ("to", json!([ALICE, "bob"])),
        ("to", json!(vec![ALICE; 65])),
        ("created_time", json!("2024-01-01T00:00:00Z")),
        ("expires_time", json!(1e300)),
        ("expires_time", json!(true)),
        ("body", json!("text")),
        ("attachments", json!([{"id": "x"}])),
        ("attachments", json!(5)),
        ("from_prior", json!({})),
        ("ack", json!([null])),
        ("return_route", json!(1)),
    ] {
        let error = with(field, value.clone()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("`{field}`")) || field == "attachments", "{text}");
    }
}

#[test]
fn reads_loosely_what_is_clear() {
    let id = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F";
    assert_eq!(with("id", id.into()).unwrap().thread_id(), id, "answers repeat it as it is");
    assert_eq!(with("created_time", json!(5.9)).unwrap().v2.unwrap().created_time, Some(5));
    let from = with("from", json!(format!("{ALICE}#key-1"))).unwrap();
    assert_eq!(from.from_did().unwrap().as_str(), ALICE);
    assert_eq!(with("to", json!(BOB)).unwrap().to_dids().len(), 1);
    assert!(with("typ", "didcomm-plain+json".into()).is_ok());
    assert_eq!(with("attachments", json!([])).unwrap().v2.unwrap().attachments, []);
}

#[test]
fn acknowledges() {
    let ping = Message::new_v2("m", &super::super::MessageType::parse(PING).unwrap());
    assert!(ping.acks_wanted().is_empty());
    let asking = ping.clone().asking_for_ack();
    assert_eq!(asking.acks_wanted(), ["m"]);
    let ack = ping.acknowledging(asking.acks_wanted());
    assert_eq!(ack.to_value()["ack"], json!(["m"]));
    let forward =
        json!({"id": "m", "type": "https://didcomm.org/routing/2.0/forward", "please_ack": [""]});
    assert!(parse(forward).unwrap().acks_wanted().is_empty());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // JSON does not keep the last digit of every number.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        Just(Value::from(ALICE)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("(id|data|json|[~@a-z]{1,8})", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const HEADERS: [&str; 15] = [
    "typ",
    "from",
    "to",
    "thid",
    "pthid",
    "created_time",
    "expires_time",
    "body",
    "attachments",
    "from_prior",
    "please_ack",
    "ack",
    "return_route",
    "return_route_thread",
    "lang",
];

proptest! {
    #[test]
    fn any_header_is_read_or_refused(
        values in proptest::collection::btree_map(0..HEADERS.len(), any_json(), 0..4),
    ) {
        let mut message = json!({"id": "m", "type": PING});
        for (at, value) in values {
            message[HEADERS[at]] = value;
        }
        if let Ok(read) = parse(message) {
            prop_assert_eq!(Message::parse(&read.to_vec()), Ok(read));
        }
    }

    #[test]
    fn a_changed_message_never_panics(at in any::<prop::sample::Index>(), with: u8) {
        let message = json!({
            "id": "m", "type": REQUEST, "from": ALICE, "to": [BOB], "thid": "t", "body": {"a": 1},
            "attachments": [{"data": {"json": 1}}], "expires_time": 1,
        });
        let mut bytes = message.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = Message::parse(&bytes);
    }
}
