//! Out-of-band 2.0 and connections/1.0.

use proptest::prelude::*;

use super::*;
use crate::attachment::AttachmentError;
use crate::out_of_band::{Decoded, InputError, MAX_CONNECTIONS_BYTES, Profile, parse_input};

/// As an Identus Cloud Agent writes it.
fn identus() -> Value {
    json!({
        "id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "type": "https://didcomm.org/out-of-band/2.0/invitation",
        "from": "did:peer:2.Ez6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR.Vz6Mkj3PUd1WjvaDhNZhhhXQdz5UnZXmS7ehtx8bsPpD47kKc.SeyJ0IjoiZG0iLCJzIjp7InVyaSI6Imh0dHA6Ly9ob3N0OjgwODAvZGlkY29tbSIsInIiOltdLCJhIjpbImRpZGNvbW0vdjIiXX19",
        "body": {"goal_code": "io.atalaprism.connect", "goal": "Establish a trust connection", "accept": []},
    })
}

/// The sample of RFC 0160, padded and with the old prefix.
const RFC_0160: &str = "https://example.com/ssi?c_i=eyJAdHlwZSI6ImRpZDpzb3Y6QnpDYnNOWWhNcmpIaXFaRFRVQVNIZztzcGVjL2Nvbm5lY3Rpb25zLzEuMC9pbnZpdGF0aW9uIiwiQGlkIjoiMTIzNDU2Nzg5MDA5ODc2NTQzMjEiLCJsYWJlbCI6IkFsaWNlIiwicmVjaXBpZW50S2V5cyI6WyI4SEg1Z1lFZU5jM3o3UFlYbWQ1NGQ0eDZxQWZDTnJxUXFFQjNuUzdaZnU3SyJdLCJzZXJ2aWNlRW5kcG9pbnQiOiJodHRwczovL2V4YW1wbGUuY29tL2VuZHBvaW50Iiwicm91dGluZ0tleXMiOlsiOEhINWdZRWVOYzN6N1BZWG1kNTRkNHg2cUFmQ05ycVFxRUIzblM3WmZ1N0siXX0=";

fn parsed(input: &str) -> Invitation {
    match parse_input(input) {
        Ok(Decoded::Invitation(invitation)) => *invitation,
        other => panic!("{input}: {other:?}"),
    }
}

fn changed(mut json: Value, field: &str, value: Value) -> Result<Invitation, InvitationError> {
    let at = if json["body"].get(field).is_some() { &mut json["body"] } else { &mut json };
    match value {
        Value::Null => _ = at.as_object_mut().unwrap().remove(field),
        value => at[field] = value,
    }
    Invitation::from_value(json)
}

fn connections(members: Value) -> Result<Invitation, InvitationError> {
    let mut json = json!({
        "@type": "https://didcomm.org/connections/1.0/invitation", "@id": "invitation-1", "label": "Alice",
    });
    json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Invitation::from_value(json)
}

#[test]
fn reads_an_identus_invitation_in_every_wrapping() {
    let expected = Invitation::from_value(identus()).unwrap();
    assert_eq!(expected.format, InvitationFormat::OutOfBand2);
    assert_eq!(expected.goal_code.as_deref(), Some("io.atalaprism.connect"));
    assert_eq!(expected.services[0].did(), identus()["from"].as_str());
    assert_eq!(expected.known_protocols().collect::<Vec<_>>(), [HandshakeProtocol::Identus10]);
    assert_eq!(expected.select_profile(), Ok(Profile::V2));
    assert_eq!(expected.to_json(), identus(), "nothing but what Identus writes, no `typ`");

    let raw = base64url::encode(identus().to_string());
    let padded = base64url::encode_padded(identus().to_string());
    let plain = base64url::encode_plain(identus().to_string());
    for input in [
        identus().to_string(),
        raw.clone(),
        padded.clone(),
        format!("https://my.domain.com/path?_oob={raw}"),
        format!("https://my.domain.com/path?_oob={padded}"),
        format!("https://my.domain.com/path?_oob={plain}"),
        format!("didcomm://?_oob={}", padded.replace('=', "%3D")),
        format!("https://my.domain.com?oob={raw}"),
    ] {
        assert_eq!(parsed(&input), expected, "{input}");
    }
}

#[test]
fn writes_what_an_identus_sdk_reads() {
    let from = Did::parse(identus()["from"].as_str().unwrap()).unwrap();
    let mut made = Invitation::out_of_band_2("3fa85f64-5717-4562-b3fc-2c963f66afa6", &from);
    made.label = Some("not for the peer".to_owned());
    assert_eq!(
        made.to_json(),
        json!({
            "id": identus()["id"], "type": identus()["type"], "from": from.as_str(),
            "body": {"accept": []},
        })
    );
    made.goal = Some("Größe? ~ > \u{1F600}".to_owned());
    made.expires_time = Some(1_718_622_260);
    let url = made.to_url("https://my.domain.com/path");
    let value = url.strip_prefix("https://my.domain.com/path?_oob=").unwrap();
    assert_eq!(value.len() % 4, 0, "padded");
    assert!(!value.contains(['-', '_']), "the SDK knows the standard alphabet only");
    let read = parsed(&url);
    assert_eq!((&read.goal, &read.label), (&made.goal, &None));
    assert!(read.is_expired(1_718_622_260) && !read.is_expired(1_718_622_259));
    assert_eq!(read.to_message().expires_time(), Some(1_718_622_260));
}

#[test]
fn keeps_what_else_an_out_of_band_2_invitation_has() {
    let mut full = identus();
    full["created_time"] = json!(1);
    full["expires_time"] = json!(2);
    full["attachments"] =
        json!([{"id": "0", "media_type": "application/json", "data": {"json": {"id": "offer"}}}]);
    full["body"]["label"] = json!("Bob");
    full["body"]["accept"] = json!(["didcomm/v2"]);
    let read = Invitation::from_value(full.clone()).unwrap();
    assert_eq!(read.label.as_deref(), Some("Bob"));
    assert_eq!(read.requests_attach[0].data.json.as_ref().unwrap()["id"], "offer");
    assert_eq!(read.created_time, Some(1));
    assert_eq!(read.to_json(), full);
    let nulls = changed(identus(), "goal", Value::Null).unwrap();
    let mut with_nulls = identus();
    with_nulls["body"]["goal"] = Value::Null;
    with_nulls["expires_time"] = Value::Null;
    assert_eq!(Invitation::from_value(with_nulls), Ok(nulls));
}

#[test]
fn names_what_is_wrong_with_an_out_of_band_2_invitation() {
    let message = |field, value| match changed(identus(), field, value) {
        Err(InvitationError::Message(error)) => error,
        other => panic!("{field}: {other:?}"),
    };
    for (field, value) in [
        ("from", Value::Null),
        ("from", json!("bob")),
        ("from", json!(5)),
        ("id", Value::Null),
        ("accept", json!("didcomm/v2")),
        ("accept", json!([1])),
        ("goal_code", json!({})),
        ("body", json!([])),
        ("expires_time", json!("soon")),
    ] {
        let text = message(field, value).to_string();
        assert!(text.contains(&format!("`{field}`")), "{text}");
    }
    let attached = message("attachments", json!([{"id": "0"}]));
    assert_eq!(attached, MessageError::Attachment(AttachmentError::NoContent));
    let version = |kind: &str| changed(identus(), "type", kind.into()).unwrap_err();
    for kind in ["out-of-band/1.1/invitation", "out-of-band/3.0/invitation"] {
        let error = version(&format!("https://didcomm.org/{kind}"));
        assert!(matches!(error, InvitationError::Version { field: "type", .. }), "{error}");
    }
    for kind in [
        "https://didcomm.org/connections/1.0/invitation",
        "https://didcomm.org/trust-ping/2.0/ping",
    ] {
        assert!(matches!(version(kind), InvitationError::NotAnInvitation { .. }));
    }
    let v1_only = changed(identus(), "accept", json!(["didcomm/aip1"])).unwrap();
    assert!(v1_only.select_profile().unwrap_err().to_string().ends_with("in didcomm/v2"));
}

#[test]
fn an_out_of_band_1_invitation_is_answered_in_v1_only() {
    let accepting = |accept: Value| read(json!({"accept": accept})).unwrap().select_profile();
    assert_eq!(accepting(json!(["didcomm/v2", "didcomm/aip1"])), Ok(Profile::Aip1));
    let error = accepting(json!(["didcomm/v2"])).unwrap_err();
    assert_eq!((error.offered, error.spoken), (vec!["didcomm/v2".to_owned()], Profile::V1.into()));
    let protocols = json!([
        "https://atalaprism.io/mercury/connections/1.0",
        "https://didcomm.org/connections/1.0"
    ]);
    let mixed = read(json!({"handshake_protocols": protocols})).unwrap();
    assert_eq!(mixed.known_protocols().collect::<Vec<_>>(), [HandshakeProtocol::Connections10]);
}

#[test]
fn keeps_the_expiry_of_an_out_of_band_1_invitation() {
    let full = with(json!({"~timing": {"expires_time": "2024-06-17 11:04:20Z"}}));
    let read = Invitation::from_value(full.clone()).unwrap();
    assert_eq!(read.expires_time, Some(1_718_622_260));
    assert_eq!(read.to_json(), full);
}

#[test]
fn reads_the_sample_of_rfc_0160() {
    let read = parsed(RFC_0160);
    assert_eq!(read.format, InvitationFormat::Connections1);
    assert_eq!((read.id.as_str(), read.label.as_deref()), ("12345678900987654321", Some("Alice")));
    assert_eq!(read.known_protocols().collect::<Vec<_>>(), [HandshakeProtocol::Connections10]);
    assert!(read.select_profile().is_ok());
    let InvitationService::Inline(service) = &read.services[0] else { panic!() };
    assert_eq!(service.recipient_keys[0].base58(), KEY);
    assert_eq!(service.routing_keys[0].base58(), KEY);
    assert_eq!(service.endpoint, "https://example.com/endpoint");
    assert_eq!(parsed(RFC_0160.trim_end_matches('=')), read);
    assert_eq!(parsed(&read.to_url("https://example.com")), read);
    assert_eq!(
        read.to_json(),
        json!({
            "@type": "https://didcomm.org/connections/1.0/invitation", "@id": "12345678900987654321",
            "label": "Alice", "recipientKeys": [KEY], "routingKeys": [KEY],
            "serviceEndpoint": "https://example.com/endpoint",
        }),
    );
}

#[test]
fn reads_every_connections_1_invitation() {
    for key in [KEY.to_owned(), DID_KEY.to_owned(), format!("{DID_KEY}#{MULTIBASE}")] {
        let read = connections(json!({
            "recipientKeys": [key], "serviceEndpoint": "http://x", "routingKeys": null, "did": null,
            "imageUrl": "https://x/y.png", "unknown": 1,
        }))
        .unwrap();
        let InvitationService::Inline(service) = &read.services[0] else { panic!() };
        assert_eq!(service.recipient_keys[0].base58(), KEY);
        assert_eq!(read.image_url.as_deref(), Some("https://x/y.png"));
        assert_eq!(read.to_json()["recipientKeys"], json!([KEY]), "base58, whatever was read");
        assert_eq!(read.to_json()["unknown"], 1);
    }
    for did in ["did:sov:QmWbsNYhMrjHiqZDTUTEST", "EMmo7oSqQk1twmgLDRNjzC"] {
        let read = connections(json!({"did": did, "recipientKeys": []})).unwrap();
        assert_eq!(read.services, [InvitationService::Did(did.to_owned())]);
        assert_eq!(read.to_json()["did"], did);
    }
    let unlabelled = connections(json!({"did": "did:example:1", "label": null})).unwrap();
    assert_eq!((unlabelled.label.as_deref(), &unlabelled.to_json()["label"]), (None, &json!("")));
    let mediator = json!({"recipientKeys": [KEY], "serviceEndpoint": "did:example:mediator"});
    assert!(connections(mediator).is_ok());
}

#[test]
fn names_what_is_wrong_with_a_connections_1_invitation() {
    let inline = |changes: Value| {
        let mut members = json!({"recipientKeys": [KEY], "serviceEndpoint": "http://x"});
        members.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        connections(members).unwrap_err()
    };
    assert_eq!(connections(json!({})), Err(InvitationError::NoInviter));
    assert_eq!(connections(json!({"did": "", "routingKeys": []})), Err(InvitationError::NoInviter));
    assert_eq!(inline(json!({"did": "did:example:1"})), InvitationError::TwoInviters);
    assert!(matches!(connections(json!({"did": "bob"})), Err(InvitationError::Did(_))));
    for (changes, expected) in [
        (json!({"serviceEndpoint": null}), "`serviceEndpoint` is missing, expected a URL or a DID"),
        (json!({"serviceEndpoint": 5}), "`serviceEndpoint` is a number"),
        (json!({"serviceEndpoint": "x"}), "`serviceEndpoint` is \"x\", expected a URL"),
        (json!({"serviceEndpoint": "ftp://x"}), "`serviceEndpoint` is \"ftp://x\""),
        (json!({"recipientKeys": null}), "`recipientKeys` has 0 keys"),
        (json!({"recipientKeys": KEY}), "`recipientKeys` is a string"),
        (json!({"recipientKeys": ["key"]}), "`recipientKeys[0]` is no Ed25519 key"),
        (json!({"routingKeys": [KEY, 1]}), "`routingKeys` is a number"),
    ] {
        let error = inline(changes);
        assert!(
            matches!(error, InvitationError::Service(_)) && error.to_string().contains(expected),
            "{error}"
        );
    }
    for field in ["label", "imageUrl", "did"] {
        let error = inline(json!({field: 1})).to_string();
        assert!(error.contains(&format!("`{field}` is a number")), "{error}");
    }
    let kind = |kind: &str| connections(json!({"@type": kind, "did": "did:example:1"}));
    assert!(matches!(
        kind("https://didcomm.org/connections/2.0/invitation"),
        Err(InvitationError::Version { .. })
    ));
    assert!(matches!(
        kind("https://didcomm.org/connections/1.0/request"),
        Err(InvitationError::NotAnInvitation { .. })
    ));
    assert!(kind("https://didcomm.org/connections/1.3/invitation").is_ok());
}

#[test]
fn each_malformed_url_has_its_error() {
    let error = |input: &str| parse_input(input).unwrap_err();
    for parameter in ["oob", "_oob", "c_i"] {
        assert_eq!(
            error(&format!("https://x?{parameter}=***")),
            InputError::Encoding { parameter }
        );
        let with =
            |json: &str| error(&format!("https://x?{parameter}={}", base64url::encode(json)));
        for json in ["", "[]", "{", "null"] {
            let message = with(json);
            assert!(
                matches!(
                    message,
                    InputError::Invitation(InvitationError::Message(MessageError::Json { .. }))
                ),
                "{message}"
            );
        }
        assert_eq!(with("{}"), InvitationError::from(MessageError::NoType).into());
    }
    assert_eq!(
        error("didcomm://x?_oobid=1"),
        InputError::NoParameter { scheme: "didcomm".to_owned() }
    );
    let large = json!({"@type": "https://didcomm.org/connections/1.0/invitation", "@id": "i", "did": "did:example:1", "label": "x".repeat(MAX_CONNECTIONS_BYTES)}).to_string();
    for input in [large.clone(), format!("https://x?c_i={}", base64url::encode(&large))] {
        assert!(matches!(error(&input), InputError::TooLarge { limit: MAX_CONNECTIONS_BYTES, .. }));
    }
}

proptest! {
    #[test]
    fn every_invitation_survives_its_url(
        goal in proptest::option::of("\\PC{0,30}"), label in "[\\PC~?>\u{7f}]{1,30}", expires in 0i64..253_402_300_799,
    ) {
        let mut v2 = Invitation::from_value(identus()).unwrap();
        (v2.goal, v2.expires_time) = (goal, Some(expires));
        let mut v1 = parsed(RFC_0160);
        v1.label = Some(label);
        for invitation in [v1, v2] {
            prop_assert_eq!(parsed(&invitation.to_url("https://x/y?z")), invitation);
        }
    }

    #[test]
    fn no_change_of_an_invitation_panics(at in any::<prop::sample::Index>(), with: u8, v2: bool) {
        let mut json = if v2 { identus() } else { parsed(RFC_0160).to_json() }.to_string().into_bytes();
        let at = at.index(json.len());
        json[at] = with;
        if let Ok(Decoded::Invitation(read)) = parse_input(&base64url::encode(&json)) {
            prop_assert_eq!(Invitation::from_value(read.to_json()), Ok(*read));
        }
    }
}
