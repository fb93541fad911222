use entente_did::PublicKey;
use serde_json::json;

use super::*;
use crate::base64url;
use crate::message::MessageError;
use crate::out_of_band::{InlineService, ServiceError};

mod formats;

const KEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";
const DID_KEY: &str = "did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";
const MULTIBASE: &str = "z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

fn with(changes: Value) -> Value {
    let mut invitation = json!({
        "@type": "https://didcomm.org/out-of-band/1.1/invitation", "@id": "invitation-1",
        "handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
        "services": ["did:example:1"],
    });
    let map = invitation.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        map.insert(name.clone(), value.clone());
    }
    map.retain(|_, value| !value.is_null());
    invitation
}

fn read(changes: Value) -> Result<Invitation, InvitationError> {
    Invitation::from_value(with(changes))
}

fn problems(services: Value) -> Vec<ServiceError> {
    match read(json!({"services": services})) {
        Err(InvitationError::NoUsableService { problems }) => {
            problems.into_iter().map(|problem| problem.error).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_and_writes_every_field() {
    let full = with(json!({
        "label": "Faber", "goal": "g", "goal_code": "issue-vc", "imageUrl": "https://x/y.png",
        "accept": ["didcomm/aip2;env=rfc19"], "unknown": {"x": 1},
        "requests~attach": [{"@id": "request-0", "mime-type": "application/json", "data": {"json": {"a": 1}}}],
        "services": ["did:example:1", {
            "id": "#inline", "type": "did-communication", "recipientKeys": [DID_KEY],
            "routingKeys": [DID_KEY], "serviceEndpoint": "http://x", "accept": ["didcomm/aip1"],
            "priority": 1,
        }],
    }));
    let read = Invitation::from_value(full.clone()).unwrap();
    assert_eq!(read.to_json(), full);
    assert_eq!(read.services[0].did(), Some("did:example:1"));
    assert_eq!(read.known_protocols().collect::<Vec<_>>(), [HandshakeProtocol::DidExchange11]);
    assert!(read.select_profile().is_ok());
    assert_eq!(Invitation::parse(&read.to_message().to_vec()), Ok(read));
}

#[test]
fn needs_something_to_do() {
    let nothing = json!({"handshake_protocols": null});
    assert_eq!(read(nothing), Err(InvitationError::NothingOffered));
    assert_eq!(read(json!({"handshake_protocols": []})), Err(InvitationError::NothingOffered));
    let request = json!([{"@id": "r", "data": {"json": {}}}]);
    let only_request = json!({"handshake_protocols": null, "requests~attach": request});
    assert_eq!(read(only_request).unwrap().requests_attach.len(), 1);
}

#[test]
fn inline_keys_are_written_as_did_key_and_read_in_every_form() {
    for written in [KEY.to_owned(), DID_KEY.to_owned(), format!("{DID_KEY}#{MULTIBASE}")] {
        // No `type` and no `id`, as RFC 0434 allows.
        let services = json!([{"recipientKeys": [written], "serviceEndpoint": "http://x"}]);
        let invitation = read(json!({"services": services})).unwrap();
        let InvitationService::Inline(service) = &invitation.services[0] else { panic!() };
        assert_eq!(service.recipient_keys[0].base58(), KEY);
        let written = &invitation.to_json()["services"][0];
        assert_eq!(written["recipientKeys"], json!([DID_KEY]));
        assert_eq!(written["type"], "did-communication");
    }
}

#[test]
fn skips_services_that_it_cannot_use() {
    let usable = json!({"recipientKeys": [DID_KEY], "serviceEndpoint": "http://x"});
    let invitation = read(json!({"services": [
        {"type": "other", "recipientKeys": [DID_KEY], "serviceEndpoint": "http://x"},
        5, "not a did", usable, "did:example:1",
    ]}))
    .unwrap();
    assert_eq!(invitation.services.len(), 2);
    assert!(matches!(invitation.services[0], InvitationService::Inline(_)));
}

#[test]
fn says_what_is_wrong_with_the_services() {
    let member = |error: ServiceError| match error {
        ServiceError::Member { member, .. }
        | ServiceError::Key { member, .. }
        | ServiceError::KeyCount { member, .. }
        | ServiceError::KeyType { member, .. } => member,
        other => panic!("{other}"),
    };
    let x25519 = PublicKey::X25519([9; 32]).did_key();
    for (service, expected) in [
        (json!({"recipientKeys": [DID_KEY]}), "serviceEndpoint"),
        (json!({"recipientKeys": [DID_KEY], "serviceEndpoint": ""}), "serviceEndpoint"),
        (json!({"recipientKeys": [DID_KEY], "serviceEndpoint": {}}), "serviceEndpoint"),
        (json!({"serviceEndpoint": "http://x"}), "recipientKeys"),
        (json!({"serviceEndpoint": "http://x", "recipientKeys": DID_KEY}), "recipientKeys"),
        (json!({"serviceEndpoint": "http://x", "recipientKeys": [1]}), "recipientKeys"),
        (json!({"serviceEndpoint": "http://x", "recipientKeys": ["#key-1"]}), "recipientKeys"),
        (json!({"serviceEndpoint": "http://x", "recipientKeys": [x25519]}), "recipientKeys"),
        (
            json!({"serviceEndpoint": "http://x", "recipientKeys": vec![DID_KEY; 17]}),
            "recipientKeys",
        ),
        (
            json!({"serviceEndpoint": "x", "recipientKeys": [DID_KEY], "routingKeys": ["did:x:y"]}),
            "routingKeys",
        ),
        (json!({"type": 5}), "type"),
    ] {
        let found = problems(json!([service])).pop().unwrap();
        assert!(found.to_string().contains(expected), "{found}");
        assert_eq!(member(found), expected);
    }
    let all = problems(json!([
        {"type": "LinkedDomains"}, null, "x",
        {"recipientKeys": [DID_KEY], "serviceEndpoint": "http://x", "accept": ["didcomm/v2"]},
    ]));
    assert!(matches!(all[0], ServiceError::Type { .. }));
    assert!(matches!(all[1], ServiceError::Kind { actual: "null" }));
    assert!(matches!(all[2], ServiceError::NotADid));
    assert!(matches!(all[3], ServiceError::Accept(_)));
    let count = |actual| Err(InvitationError::ServiceCount { limit: 16, actual });
    assert_eq!(read(json!({"services": []})), count(0));
    assert_eq!(read(json!({"services": null})), count(0));
    assert_eq!(read(json!({"services": vec!["did:example:1"; 17]})), count(17));
}

#[test]
fn refuses_other_messages_and_versions() {
    let read = |kind: &str| read(json!({"@type": kind}));
    for other in
        ["https://didcomm.org/out-of-band/1.1/handshake-reuse", "https://x/y/1.0/invitation"]
    {
        assert!(matches!(read(other), Err(InvitationError::NotAnInvitation { .. })));
    }
    let text = read("https://didcomm.org/out-of-band/2.0/invitation").unwrap_err().to_string();
    assert_eq!(
        text,
        "an invitation of out-of-band with `@type`: version 2.0 is not supported, 1.0 to 1.1 are"
    );
    let version = |kind| read(kind).unwrap().version;
    assert_eq!(version("https://didcomm.org/out-of-band/1.0/invitation"), Version::new(1, 0));
    assert_eq!(version("https://didcomm.org/out-of-band/1.7/invitation"), Version::new(1, 1));
    let legacy = "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/out-of-band/1.0/invitation";
    assert_eq!(version(legacy), Version::new(1, 0));
}

#[test]
fn names_the_field_of_the_wrong_type() {
    for (field, value) in [
        ("label", json!(1)),
        ("goal", json!([])),
        ("goal_code", json!({})),
        ("imageUrl", json!(true)),
        ("accept", json!("didcomm/aip1")),
        ("handshake_protocols", json!([1])),
        ("services", json!("did:example:1")),
    ] {
        match read(json!({field: value})) {
            Err(InvitationError::Message(MessageError::WrongType { field: found, .. })) => {
                assert_eq!(found, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let attached = read(json!({"requests~attach": [{"data": {}}]}));
    assert!(matches!(attached, Err(InvitationError::Request(_))));
}

#[test]
fn urls_keep_what_the_base_has() {
    let key = PublicKey::parse_reference(DID_KEY).unwrap();
    let service = InlineService::new(key, "http://x");
    let mut invitation = Invitation::new("invitation-1", InvitationService::Inline(service));
    invitation.handshake_protocols.push(HandshakeProtocol::DidExchange11.to_string());
    for (base, begin, end) in [
        ("http://x", "http://x?oob=", ""),
        ("http://x/p?", "http://x/p?oob=", ""),
        ("http://x/p?a=b", "http://x/p?a=b&oob=", ""),
        ("didcomm://x/?a=b&#frag", "didcomm://x/?a=b&oob=", "#frag"),
    ] {
        let url = invitation.to_url(base);
        assert!(url.starts_with(begin) && url.ends_with(end), "{url}");
        let oob = &url[begin.len()..url.len() - end.len()];
        assert!(oob.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{oob}");
        let json = base64url::decode(oob).unwrap();
        assert!(!json.contains(&b' '), "compact");
        assert_eq!(Invitation::parse(&json).as_ref(), Ok(&invitation));
    }
}
