use serde_json::json;

use super::*;
use crate::envelope::Envelope;
use crate::primitives::Ed25519Secret;

fn secret(n: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([n; 32])
}

fn open(packed: &[u8], n: u8) -> Vec<u8> {
    let Envelope::V1(envelope) = Envelope::peek(packed).unwrap() else { panic!("a v1 envelope") };
    let opened = envelope.open(&secret(n).public(), &secret(n)).unwrap();
    assert_eq!(opened.sender, None, "a forward names no sender");
    opened.plaintext
}

fn forward(to: Value, msg: Value) -> Result<Forward, ForwardError> {
    let message = json!({"@type": message_type().to_string(), "@id": "f", "to": to, "msg": msg});
    Forward::from_message(&Message::parse(message.to_string().as_bytes()).unwrap())
}

#[test]
fn the_last_routing_key_is_outermost() {
    let mut rng = rand::rng();
    let (recipient, first, last) = (secret(1).public(), secret(2).public(), secret(3).public());
    let envelope = pack_anoncrypt(b"hi", &[recipient], &mut rng).unwrap();
    let mut ids = 0..;
    let wrapped = wrap(
        &envelope,
        &recipient,
        &[first, last],
        || format!("forward-{}", ids.next().unwrap()),
        &mut rng,
    )
    .unwrap();
    let outer = Message::parse(&open(&wrapped, 3)).unwrap();
    assert_eq!(outer.id, "forward-1");
    let outer = Forward::from_message(&outer).unwrap();
    assert_eq!(outer.to, first.base58());
    let inner = Message::parse(&open(&outer.envelope, 2)).unwrap();
    assert_eq!(inner.id, "forward-0");
    let inner = Forward::from_message(&inner).unwrap();
    assert_eq!(inner.key(), Ok(recipient));
    assert_eq!(open(&inner.envelope, 1), b"hi");
}

#[test]
fn wraps_nothing_without_routing_keys_and_no_more_than_its_limit() {
    let key = secret(1).public();
    let mut rng = rand::rng();
    assert_eq!(wrap(b"{}", &key, &[], String::new, &mut rng), Ok(b"{}".to_vec()));
    let many = [key; MAX_ROUTING_KEYS + 1];
    let too_many = ForwardError::TooManyRoutingKeys { limit: 8, actual: 9 };
    assert_eq!(wrap(b"{}", &key, &many, String::new, &mut rng), Err(too_many));
    for junk in [&b"[]"[..], b"", b"{", b"\"{}\""] {
        let wrapped = wrap(junk, &key, &[key], String::new, &mut rng);
        assert_eq!(wrapped, Err(ForwardError::NotAnEnvelope));
    }
    let unusable = wrap(b"{}", &key, &[key, PublicKey::P256([2; 33])], String::new, &mut rng);
    assert!(matches!(unusable, Err(ForwardError::RoutingKey { index: 1, .. })));
}

#[test]
fn reads_every_form_of_msg_and_to() {
    let key = secret(1).public();
    for to in [key.base58(), key.did_key(), key.did_key_url()] {
        let read = forward(to.into(), json!({"protected": "x"})).unwrap();
        assert_eq!(read.key(), Ok(key));
        assert_eq!(read.envelope, br#"{"protected":"x"}"#);
    }
    let text = forward("did:example:1".into(), r#"{"protected":"x"}"#.into()).unwrap();
    assert_eq!(text.envelope, br#"{"protected":"x"}"#);
    assert!(matches!(text.key(), Err(ForwardError::To(_))));
    for (to, msg) in [
        (json!(1), json!({})),
        (json!(null), json!({})),
        (json!("x"), json!(null)),
        (json!("x"), json!([])),
        (json!("x"), json!("not json")),
    ] {
        assert!(forward(to, msg).is_err());
    }
    let ping = json!({"@type": "https://didcomm.org/trust_ping/1.0/ping", "@id": "x"});
    let ping = Message::from_value(ping).unwrap();
    assert!(matches!(Forward::from_message(&ping), Err(ForwardError::NotAForward { .. })));
}
