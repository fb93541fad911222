use proptest::prelude::*;
use serde_json::json;

use super::*;

const PING: &str = "https://didcomm.org/trust_ping/1.0/ping";

fn parse(value: Value) -> Result<Message, MessageError> {
    Message::parse(value.to_string().as_bytes())
}

#[test]
fn reads_headers_and_keeps_the_rest() {
    let message = json!({
        "@type": PING, "@id": "ping-1", "comment": "hi", "~foo": {"x": 1}, "unknown": [1, 2],
        "~thread": {"thid": "t", "pthid": "p", "sender_order": 2, "received_orders": {"did:x": -1}},
        "~transport": {"return_route": "all"},
        "~timing": {"expires_time": "2019-01-23 18:03:27Z", "delay_milli": 5},
    });
    let parsed = parse(message.clone()).unwrap();
    assert_eq!(parsed.id, "ping-1");
    assert!(parsed.message_type.is("trust_ping", "ping"));
    assert_eq!((parsed.thread_id(), parsed.parent_thread_id()), ("t", Some("p")));
    assert_eq!(parsed.thread.sender_order, Some(2));
    assert_eq!(parsed.transport.as_ref().unwrap().return_route.as_deref(), Some("all"));
    assert_eq!(parsed.timing.as_ref().unwrap().expires_time, Some(1_548_266_607));
    assert_eq!(parsed.text("comment"), Ok(Some("hi")));
    assert_eq!(parsed.body.len(), 3);
    assert_eq!(serde_json::from_slice::<Value>(&parsed.to_vec()).unwrap(), message);
}

#[test]
fn thread_defaults_to_the_id() {
    for thread in [json!({}), json!(null), json!({"thid": null})] {
        let message = parse(json!({"@type": PING, "@id": "ping-1", "~thread": thread})).unwrap();
        assert_eq!((message.thread_id(), message.parent_thread_id()), ("ping-1", None));
        assert!(!message.to_value().as_object().unwrap().contains_key("~thread"));
    }
}

#[test]
fn reply_stays_in_the_thread() {
    let ping =
        parse(json!({"@type": PING, "@id": "a", "~thread": {"pthid": "invitation"}})).unwrap();
    let answer = ping.message_type.answer(ping.message_type.version, "ping_response");
    let pong = Message::new("b", &answer).reply_to(&ping).with("comment", "ho");
    assert_eq!(
        pong.to_value(),
        json!({
            "@type": "https://didcomm.org/trust_ping/1.0/ping_response", "@id": "b",
            "~thread": {"thid": "a", "pthid": "invitation"}, "comment": "ho",
        })
    );
    let third = Message::new("c", &answer).reply_to(&pong);
    assert_eq!(third.thread_id(), "a");
}

#[test]
fn names_the_field_that_is_wrong() {
    let field = |error| match error {
        MessageError::Missing { field }
        | MessageError::WrongType { field, .. }
        | MessageError::Value { field, .. }
        | MessageError::IdLength { field, .. } => field,
        other => panic!("{other}"),
    };
    for (message, expected) in [
        (json!({"@type": 1, "@id": "x"}), "@type"),
        (json!({"@type": "ping", "@id": "x"}), "@type"),
        (json!({"@type": PING}), "@id"),
        (json!({"@type": PING, "@id": ""}), "@id"),
        (json!({"@type": PING, "@id": 5}), "@id"),
        (json!({"@type": PING, "@id": "x".repeat(MAX_ID_BYTES + 1)}), "@id"),
        (json!({"@type": PING, "@id": "x", "~thread": "t"}), "~thread"),
        (json!({"@type": PING, "@id": "x", "~thread": {"thid": "x".repeat(257)}}), "~thread.thid"),
        (json!({"@type": PING, "@id": "x", "~thread": {"thid": 1}}), "~thread.thid"),
        (json!({"@type": PING, "@id": "x", "~thread": {"pthid": []}}), "~thread.pthid"),
        (json!({"@type": PING, "@id": "x", "~transport": 1}), "~transport"),
        (
            json!({"@type": PING, "@id": "x", "~timing": {"expires_time": "soon"}}),
            "~timing.expires_time",
        ),
        (
            json!({"@type": PING, "@id": "x", "~timing": {"expires_time": 1}}),
            "~timing.expires_time",
        ),
    ] {
        let error = parse(message.clone()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(field(error), expected, "{message}");
    }
}

#[test]
fn refuses_doubtful_json() {
    for text in ["", "null", "[]", "\"x\"", "{", "{} {}", "\u{feff}{}"] {
        assert!(
            matches!(Message::parse(text.as_bytes()), Err(MessageError::Json { .. })),
            "{text}"
        );
    }
    let twice = format!(r#"{{"@type":"{PING}","@id":"a","@id":"b"}}"#);
    let duplicate = |field: &str| Err(MessageError::Duplicate { field: field.to_owned() });
    assert_eq!(Message::parse(twice.as_bytes()), duplicate("@id"));
    let inner = format!(r#"{{"@type":"{PING}","@id":"a","x":[{{"did":1,"did":2}}]}}"#);
    assert_eq!(Message::parse(inner.as_bytes()), duplicate("did"));
    let nested = |n: usize| {
        format!(r#"{{"@type":"{PING}","@id":"a","x":{}{}}}"#, "[".repeat(n), "]".repeat(n))
    };
    assert!(Message::parse(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    for n in [MAX_DEPTH, 100_000] {
        let too_deep = Err(MessageError::TooDeep { limit: MAX_DEPTH });
        assert_eq!(Message::parse(nested(n).as_bytes()), too_deep);
    }
    let large = vec![b' '; MAX_BYTES + 1];
    assert!(matches!(Message::parse(&large), Err(MessageError::TooLarge { .. })));
}

#[test]
fn types_have_both_prefixes_and_every_delimiter() {
    let ping = |prefix| MessageType { prefix, ..MessageType::parse(PING).unwrap() };
    for delimiter in ["?", "/", "&", ":", ";", "="] {
        let current = format!("https://didcomm.org{delimiter}trust_ping/1.0/ping");
        assert_eq!(MessageType::parse(&current), Ok(ping(Prefix::Current)), "{current}");
        let legacy = format!("did:sov:BzCbsNYhMrjHiqZDTUASHg;spec{delimiter}trust_ping/1.0/ping");
        assert_eq!(MessageType::parse(&legacy), Ok(ping(Prefix::Legacy)), "{legacy}");
    }
    let legacy = ping(Prefix::Legacy);
    assert_eq!(legacy.to_string(), "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/trust_ping/1.0/ping");
    assert_eq!(legacy.answer(legacy.version, "ping_response").prefix, Prefix::Legacy);
    let other = MessageType::parse("https://example.com/a?trust_ping/1.0/ping").unwrap();
    assert_eq!(other.prefix, Prefix::Other("https://example.com/a?".to_owned()));
    assert_eq!(other.to_string(), "https://example.com/a?trust_ping/1.0/ping");
    assert!(!other.is("trust_ping", "ping"));
    for text in [
        "",
        "/",
        "///",
        "ping",
        "trust_ping/1.0/ping",
        "https://didcomm.org/trust_ping/1/ping",
        "https://didcomm.org/trust_ping/1.x/ping",
        "https://didcomm.org/trust_ping/+1.0/ping",
        "https://didcomm.org/trust_ping/1.99999/ping",
        "https://didcomm.org/trust_ping/1.0/",
        "https://didcomm.org//1.0/ping",
        "https://didcomm.org/trust_ping/1.0/pi ng",
        "é/1.0/é",
    ] {
        assert!(MessageType::parse(text).is_err(), "{text}");
    }
}

#[test]
fn versions_are_negotiated_as_rfc_0003_says() {
    let v = Version::new;
    let ours = |received| negotiate(received, v(1, 0), v(1, 1));
    assert_eq!(ours(v(1, 0)), Ok(v(1, 0)));
    assert_eq!(ours(v(1, 1)), Ok(v(1, 1)));
    assert_eq!(ours(v(1, 9)), Ok(v(1, 1)));
    assert!(ours(v(9, 0)).is_err());
    assert!(ours(v(0, 1)).is_err());
    assert!(negotiate(v(1, 1), v(1, 2), v(1, 3)).is_err());
    assert!(negotiate(v(0, 2), v(0, 1), v(0, 1)).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[~@a-z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn no_type_panics_and_what_parses_is_stable(text in "(https://didcomm.org)?[/?:a-z0-9._\\PC]{0,30}") {
        if let Ok(parsed) = MessageType::parse(&text) {
            prop_assert_eq!(MessageType::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn no_time_panics(text in "[0-9]{0,4}-?[0-9]{0,2}-?[0-9]{0,2}[T ]?[0-9:.]{0,12}\\PC{0,6}") {
        let _ = timestamp::parse(&text);
    }

    #[test]
    fn any_decorator_is_read_or_refused(
        thread in any_json(), transport in any_json(), timing in any_json(), field in any_json(),
    ) {
        let message = json!({
            "@type": PING, "@id": "ping-1", "~thread": thread, "~transport": transport,
            "~timing": timing, "field": field,
        });
        if let Ok(parsed) = parse(message) {
            let again = Message::parse(&parsed.to_vec()).unwrap();
            prop_assert_eq!(again, parsed);
        }
    }

    #[test]
    fn a_changed_message_never_panics(at in any::<prop::sample::Index>(), with: u8) {
        let mut bytes = json!({"@type": PING, "@id": "ping-1", "~thread": {"thid": "t"}})
            .to_string()
            .into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = Message::parse(&bytes);
    }
}
