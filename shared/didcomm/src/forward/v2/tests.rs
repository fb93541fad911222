use entente_did::KeyType;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::envelope::Envelope;
use crate::envelope::v2::Keys;
use crate::forward::Forward;
use crate::message::Message;
use crate::primitives::{AgreementKey, AgreementSecret};

fn secret(n: u8) -> AgreementSecret {
    let mut bytes = vec![n; 32];
    AgreementSecret::mask(KeyType::X25519, &mut bytes);
    AgreementSecret::from_bytes(KeyType::X25519, &bytes).unwrap()
}

fn bob() -> Did {
    Did::parse("did:example:bob").unwrap()
}

/// The mediator of a number, by its one key.
fn mediator(n: u8) -> Hop {
    let name = format!("did:example:mediator{n}#key");
    Hop { keys: vec![NamedKey::new(&name, secret(n).public())], name }
}

fn open(packed: &[u8], n: u8) -> Message {
    let Envelope::V2(envelope) = Envelope::peek(packed).unwrap() else { panic!() };
    let (secret, name) = (secret(n), mediator(n).name);
    let recipients = [(name.as_str(), &secret as &dyn AgreementKey)];
    let opened = envelope.open(&Keys { recipients: &recipients, ..Keys::default() }).unwrap();
    assert_eq!(opened.sender, None, "a forward names no sender");
    Message::parse(&opened.plaintext).unwrap()
}

fn wrapped(envelope: &[u8], routing: &[Hop]) -> Result<Vec<u8>, ForwardError> {
    let mut ids = 0..;
    let id = || format!("forward-{}", ids.next().unwrap());
    wrap(envelope, &bob(), routing, id, &mut rand::rng())
}

fn read(message: Value) -> Result<Forward, ForwardError> {
    Forward::from_message(&Message::from_value(message).unwrap())
}

#[test]
fn the_first_routing_key_is_outermost() {
    let envelope = br#"{"protected":"x","b":[1,2],"a":1.0}"#;
    let packed = wrapped(envelope, &[mediator(1), mediator(2)]).unwrap();
    let outer = open(&packed, 1);
    assert_eq!(outer.message_type, message_type());
    assert_eq!(outer.to_dids()[0].as_str(), "did:example:mediator1");
    let outer = Forward::from_message(&outer).unwrap();
    assert_eq!(outer.to, "did:example:mediator2#key");
    let inner = open(&outer.envelope, 2);
    assert_eq!(
        (inner.id.as_str(), inner.to_dids()[0].as_str()),
        ("forward-0", "did:example:mediator2")
    );
    let attachment = &inner.v2.as_ref().unwrap().attachments[0];
    assert_eq!(attachment.mime_type.as_deref(), Some(MEDIA_TYPE_ENCRYPTED));
    let inner = Forward::from_message(&inner).unwrap();
    assert_eq!(inner.to, "did:example:bob");
    let same = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
    assert_eq!(same(&inner.envelope), same(envelope));
}

#[test]
fn wraps_nothing_without_mediators_and_no_more_than_its_limit() {
    assert_eq!(wrapped(b"{}", &[]), Ok(b"{}".to_vec()));
    let many: Vec<_> = (1..=9).map(mediator).collect();
    let too_many = ForwardError::TooManyRoutingKeys { limit: 8, actual: 9 };
    assert_eq!(wrapped(b"{}", &many), Err(too_many));
    for junk in [&b"[]"[..], b"", b"{", b"\"{}\""] {
        assert_eq!(wrapped(junk, &[mediator(1)]), Err(ForwardError::NotAnEnvelope));
    }
    let keyless = Hop { name: "did:example:mediator".to_owned(), keys: Vec::new() };
    let refused = wrapped(b"{}", &[mediator(1), keyless, mediator(2)]);
    assert!(matches!(refused, Err(ForwardError::RoutingKey { index: 1, .. })));
}

#[test]
fn reads_what_other_agents_attach() {
    let forward = |attachments: Value| {
        read(json!({
            "id": "f", "type": "https://didcomm.org/routing/2.0/forward", "to": ["did:example:m"],
            "body": {"next": "did:example:bob"}, "expires_time": 5, "attachments": attachments,
        }))
    };
    for data in [
        json!({"json": {"a": 1}}),
        json!({"base64": "eyJhIjoxfQ"}),
        json!({"base64": "eyJhIjoxfQ=="}),
    ] {
        let read = forward(json!([{"data": data}])).unwrap();
        assert_eq!(
            (read.to.as_str(), read.envelope.as_slice()),
            ("did:example:bob", &br#"{"a":1}"#[..])
        );
    }
    let count = |actual| Err(ForwardError::AttachmentCount { actual });
    assert_eq!(forward(json!([])), count(0));
    assert_eq!(forward(json!([{"data": {"json": {}}}, {"data": {"json": {}}}])), count(2));
    assert_eq!(forward(json!([{"data": {"json": 5}}])), Err(ForwardError::NotAnEnvelope));
    assert!(matches!(
        forward(json!([{"data": {"links": ["x"]}}])),
        Err(ForwardError::Attachment(_))
    ));
}

#[test]
fn tells_the_versions_apart() {
    let v2 = json!({"id": "f", "type": "https://didcomm.org/routing/2.0/forward", "body": {}});
    assert!(matches!(read(v2), Err(ForwardError::Field(_))), "no `next`");
    for kind in ["routing/1.0/forward", "routing/3.0/forward", "routing/2.0/other"] {
        let kind = format!("https://didcomm.org/{kind}");
        let refused =
            read(json!({"id": "f", "type": kind, "body": {"next": "x", "to": "x", "msg": {}}}));
        assert!(matches!(refused, Err(ForwardError::NotAForward { .. })), "{kind}");
    }
    let v1 = json!({"@id": "f", "@type": "https://didcomm.org/routing/2.0/forward", "to": "x", "msg": {}});
    assert!(matches!(read(v1), Err(ForwardError::NotAForward { .. })));
    assert!(Forward::is(&message_type()) && Forward::is(&crate::forward::message_type()));
}

proptest! {
    #[test]
    fn any_attachment_is_read_or_refused(text in "\\PC{0,40}", inline: bool) {
        let data = if inline { json!({"base64": text}) } else { json!({"json": {text: 1}}) };
        let _ = read(json!({
            "id": "f", "type": message_type().to_string(), "body": {"next": "x"},
            "attachments": [{"data": data}],
        }));
    }
}
