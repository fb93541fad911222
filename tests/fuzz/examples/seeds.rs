//! Writes what fuzzing begins with into `corpus/`: `cargo run --example seeds`. Envelopes and signatures are made with the
//! keys of the targets, so that they open.

use std::fs;
use std::path::Path;

use entente_did::create::{legacy, v1_peer2, v1_peer4, v2_peer2};
use entente_did::{Did, KeyType, resolve_offline};
use entente_didcomm::envelope::v2::NamedKey;
use entente_didcomm::envelope::{v1, v2};
use entente_didcomm::out_of_band::{
    HandshakeProtocol, InlineService, Invitation, InvitationService,
};
use entente_didcomm::primitives::{
    AgreementKey as _, AgreementSecret, ContentEncryption, Ed25519Secret,
};
use entente_fuzz::rng;
use serde_json::{Value, json};

fn main() {
    dids();
    documents();
    envelopes_v1();
    envelopes_v2();
    messages();
    invitations();
    attachments();
    configs();
}

/// A seed; `way` is the target's (0 for none).
fn seed(target: &str, name: &str, way: u8, bytes: impl AsRef<[u8]>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    let front: &[u8] = if way == 0 { &[] } else { &[way] };
    fs::write(folder.join(name), [front, bytes.as_ref()].concat()).unwrap();
}

fn ours() -> Ed25519Secret {
    Ed25519Secret::from_seed([7; 32])
}

fn theirs() -> Ed25519Secret {
    Ed25519Secret::from_seed([8; 32])
}

fn peer_dids() -> [(&'static str, Did); 4] {
    let (key, agreement) = (ours().public(), ours().to_x25519().public());
    let routing = [theirs().public()];
    let endpoint = "https://example.org/didcomm";
    [
        ("peer2", v1_peer2(&key, endpoint, &routing).unwrap()),
        ("peer4", v1_peer4(&key, endpoint, &routing).unwrap().long),
        ("peer2-v2", v2_peer2(&agreement, &key, endpoint, &[]).unwrap()),
        ("peer0", Did::parse(&format!("did:peer:0{}", key.multibase())).unwrap()),
    ]
}

fn dids() {
    for (name, did) in peer_dids() {
        seed("did", name, 0, did.as_str());
        if let Some(rest) = did.as_str().strip_prefix("did:peer:2") {
            seed("did_peer", name, 1, rest);
        }
    }
    let p256 = AgreementSecret::from_bytes(KeyType::P256, &[7; 32]).unwrap().public();
    for (name, text) in [
        ("key", ours().public().did_key_url()),
        ("key-p256", p256.did_key()),
        ("multibase", ours().public().multibase()),
        ("base58", ours().public().base58()),
        ("web", "did:web:example.com%3A8443:user:alice".to_owned()),
        ("url", "did:web:example.com/a/b?service=x&y=?#key-1".to_owned()),
        ("unqualified", "EMmo7oSqQk1twmgLDRNjzC".to_owned()),
        ("sov", "did:sov:EMmo7oSqQk1twmgLDRNjzC#1".to_owned()),
    ] {
        seed("did", name, 0, text);
    }
    let service = json!({"t": "dm", "s": {"uri": "https://example.org", "a": ["didcomm/v2"], "r": ["did:example:m"]}});
    seed("did_peer", "service", 2, service.to_string());
    let service = json!({"id": "#didcomm-0", "type": "did-communication", "serviceEndpoint": "https://example.org",
        "priority": 0, "recipientKeys": ["#key-1"], "routingKeys": [], "accept": ["didcomm/aip2;env=rfc19"]});
    seed("did_peer", "services", 2, json!([service, service]).to_string());
    seed("did_peer", "service-v1", 3, service.to_string());
}

fn documents() {
    for (name, did) in peer_dids() {
        let document = serde_json::to_value(resolve_offline(&did).unwrap().unwrap()).unwrap();
        seed("did_document", name, 0, document.to_string());
        seed("attachment", &format!("request-{name}"), 5, document.to_string());
    }
    let (_, legacy) = legacy(&ours().public(), "https://example.org", &[theirs().public()]);
    seed("did_document", "legacy", 0, legacy.to_string());
    seed("attachment", "request-legacy", 5, legacy.to_string());
    let jwk =
        json!({"kty": "OKP", "crv": "X25519", "x": "avH0O2Y4tqLAq8y9zpianr8ajii5m4F_mICrzNlatXs"});
    let key = ours().public();
    let input = json!({
        "@context": ["https://www.w3.org/ns/did/v1"],
        "verificationMethod": [
            {"id": "#key-0", "type": "Multikey", "publicKeyMultibase": key.multibase()},
            {"id": "#key-1", "type": "JsonWebKey2020", "controller": "#id", "publicKeyJwk": jwk},
            {"id": "#key-2", "type": "Ed25519VerificationKey2018", "publicKeyBase58": key.base58()},
        ],
        "authentication": ["#key-0", "#key-2"],
        "keyAgreement": ["#key-1"],
        "service": [
            {"id": "#v2", "type": "DIDCommMessaging", "serviceEndpoint": [{"uri": "did:example:mediator", "accept": ["didcomm/v2"], "routingKeys": []}]},
            {"id": "#v1", "type": "IndyAgent", "priority": 1, "recipientKeys": [key.base58()], "serviceEndpoint": "ws://example.org"},
            {"id": "#other", "type": ["LinkedDomains"], "serviceEndpoint": {"origins": ["https://example.org"]}},
        ],
    });
    seed("did_peer", "document", 0, input.to_string());
    let mut document = input;
    document["id"] = "did:web:example.org".into();
    seed("did_document", "web", 0, document.to_string());
}

fn envelopes_v1() {
    let to = [theirs().public(), ours().public()];
    let plaintext = br#"{"@type":"https://didcomm.org/trust_ping/1.0/ping","@id":"1"}"#;
    let authcrypt = v1::pack_authcrypt(plaintext, &theirs(), &to, &mut rng()).unwrap();
    let anoncrypt = v1::pack_anoncrypt(plaintext, &to[1..], &mut rng()).unwrap();
    for (name, envelope) in [("authcrypt", authcrypt), ("anoncrypt", anoncrypt)] {
        seed("envelope_v1", name, 0, &envelope);
        let envelope: Value = serde_json::from_slice(&envelope).unwrap();
        seed("envelope_v1", &format!("{name}-header"), 1, decoded(&envelope["protected"]));
    }
    seed("envelope_v1", "plaintext", 2, plaintext);
}

fn decoded(text: &Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

fn envelopes_v2() {
    let bob = |number| format!("did:example:bob#key-{number}");
    let alice = |number| format!("did:example:alice#key-{number}");
    let key = |key_type, byte| AgreementSecret::from_bytes(key_type, &[byte; 32]).unwrap();
    let x25519 = [NamedKey::new(bob(1), key(KeyType::X25519, 7).public())];
    let p256 = [NamedKey::new(bob(2), key(KeyType::P256, 7).public())];
    let sender = key(KeyType::X25519, 8);
    let plaintext = json!({"id": "1", "type": "https://didcomm.org/trust-ping/2.0/ping", "body": {},
        "from": "did:example:alice", "to": ["did:example:bob"]});
    let plaintext = plaintext.to_string().into_bytes();
    let signed = v2::sign(&plaintext, &alice(2), &Ed25519Secret::from_seed([9; 32])).unwrap();
    let authcrypt =
        |inner: &[u8]| v2::pack_authcrypt(inner, &alice(1), &sender, &x25519, &mut rng()).unwrap();
    let anoncrypt = |inner: &[u8], to: &[NamedKey], encryption| {
        v2::pack_anoncrypt(inner, to, encryption, &mut rng()).unwrap()
    };
    use ContentEncryption::{A256CbcHs512, A256Gcm, Xc20p};
    for (name, envelope) in [
        ("signed", signed.clone()),
        ("authcrypt", authcrypt(&plaintext)),
        ("authcrypt-signed", authcrypt(&signed)),
        ("anoncrypt-gcm", anoncrypt(&plaintext, &p256, A256Gcm)),
        ("anoncrypt-cbc", anoncrypt(&plaintext, &x25519, A256CbcHs512)),
        ("anoncrypt-xc20p", anoncrypt(&plaintext, &x25519, Xc20p)),
        ("layers", anoncrypt(&authcrypt(&signed), &x25519, A256Gcm)),
    ] {
        seed("envelope_v2", name, 0, &envelope);
        let json: Value = serde_json::from_slice(&envelope).unwrap();
        let name = format!("{name}-header");
        match json.get("protected") {
            Some(protected) => seed("envelope_v2", &name, 1, decoded(protected)),
            None => seed("envelope_v2", &name, 2, decoded(&json["signatures"][0]["protected"])),
        }
    }
    seed("envelope_v2", "within-signed", 3, &signed);
    seed("envelope_v2", "within-authcrypt", 3, authcrypt(&plaintext));
    seed("envelope_v2", "plaintext", 4, &plaintext);
}

fn messages() {
    let attachment = json!({"@id": "a", "mime-type": "application/json", "byte_count": 2, "data": {"base64": "e30", "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}});
    for (name, message) in [
        (
            "request",
            json!({"@type": "https://didcomm.org/didexchange/1.1/request", "@id": "1", "label": "Alice",
            "did": "did:example:alice", "~thread": {"thid": "1", "pthid": "2", "sender_order": 0, "received_orders": {}},
            "~transport": {"return_route": "all"}, "~timing": {"expires_time": "2030-01-01T00:00:00Z"},
            "did_doc~attach": attachment}),
        ),
        (
            "forward",
            json!({"@type": "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/routing/1.0/forward", "@id": "1",
            "to": ours().public().base58(), "msg": {"protected": "", "iv": "", "ciphertext": "", "tag": ""}}),
        ),
        (
            "problem",
            json!({"@type": "https://didcomm.org/report-problem/1.0/problem-report", "@id": "1",
            "description": {"code": "request_not_accepted", "en": "no"}, "~l10n": {"locale": "en"}, "who_retries": "you"}),
        ),
        (
            "v2",
            json!({"id": "A", "type": "https://didcomm.org/trust-ping/2.0/ping", "typ": "application/didcomm-plain+json",
            "from": "did:example:alice", "to": ["did:example:bob"], "thid": "b", "pthid": "c", "created_time": 1.5e9,
            "expires_time": 2_000_000_000, "from_prior": "a.b.c", "return_route": "all", "please_ack": [""], "ack": ["x"],
            "body": {"response_requested": true}, "attachments": [{"id": "a", "media_type": "text/plain", "data": {"links": ["https://a"], "hash": "z"}}]}),
        ),
        (
            "forward-v2",
            json!({"id": "1", "type": "https://didcomm.org/routing/2.0/forward", "to": ["did:example:m"],
            "body": {"next": "did:example:bob#key-1"}, "attachments": [{"data": {"json": {"ciphertext": ""}}}]}),
        ),
        (
            "problem-v2",
            json!({"id": "1", "type": "https://didcomm.org/report-problem/2.0/problem-report", "pthid": "2",
            "body": {"code": "e.p.msg", "comment": "{1} and {2}", "args": ["a", "b"], "escalate_to": "mailto:a@b"}}),
        ),
    ] {
        seed("message", name, 0, message.to_string());
    }
    seed("message", "type", 0, "https://didcomm.org/out-of-band/1.1/handshake-reuse");
}

fn invitations() {
    let mut inline = InlineService::new(ours().public(), "https://example.org");
    inline.routing_keys = vec![theirs().public()];
    let (inline, did) = (InvitationService::Inline(inline), peer_dids()[0].1.clone());
    let mut oob = Invitation::new("1", inline.clone());
    oob.handshake_protocols = vec![HandshakeProtocol::DidExchange11.to_string()];
    oob.accept = vec!["didcomm/aip2;env=rfc19".to_owned()];
    oob.services.push(InvitationService::Did(did.to_string()));
    (oob.label, oob.goal_code, oob.goal) =
        (Some("Bob".to_owned()), Some("aries.rel.build".to_owned()), Some("?~é".to_owned()));
    let mut v2 = Invitation::out_of_band_2("2", &did);
    v2.expires_time = Some(2_000_000_000);
    let mut connections = Invitation::connections_1("3", inline);
    connections.label = Some("Carol".to_owned());
    for (way, name, invitation) in
        [(1, "oob", oob), (2, "oob2", v2), (3, "connections", connections)]
    {
        seed("invitation", name, 0, invitation.to_url("https://example.org/a?b=c"));
        seed("invitation", &format!("{name}-json"), way, invitation.to_json().to_string());
        seed("invitation", &format!("{name}-base64"), 4, invitation.to_json().to_string());
    }
    seed(
        "invitation",
        "short",
        0,
        "https://example.org/i?_oobid=5f0e3ffb-3f92-4648-9868-0d6f8889e6f3",
    );
}

fn attachments() {
    let key = ours().public();
    for (name, way, text) in [
        (
            "base64",
            0,
            json!({"@id": "1", "data": {"base64": "e30=", "jws": {"protected": "e30", "signature": "AA"}}}),
        ),
        ("json", 0, json!({"id": "1", "format": "a", "data": {"json": {"a": 1}}})),
        (
            "links",
            0,
            json!({"filename": "../a", "description": "b", "data": {"links": "https://example.org", "sha256": "00"}}),
        ),
        (
            "protected",
            1,
            json!({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "avH0O2Y4tqLAq8y9zpianr8ajii5m4F_mICrzNlatXs", "kid": key.did_key()}}),
        ),
        ("kid", 1, json!({"alg": "EdDSA", "kid": key.did_key_url()})),
        ("signed", 2, json!({"DID": "did:example:a", "DIDDoc": {}})),
    ] {
        seed("attachment", name, way, text.to_string());
    }
    let claim = |alice: &str| {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": format!("{alice}#key-1")});
        format!(
            "{header}\n{}",
            json!({"iss": alice, "sub": "did:example:new", "iat": 1_600_000_000})
        )
    };
    seed("attachment", "from-prior", 3, claim("did:example:alice"));
    let connection = json!({"@type": "https://didcomm.org/connections/1.0/request", "@id": "1", "label": "Alice",
        "connection": {"DID": "EMmo7oSqQk1twmgLDRNjzC", "DIDDoc": legacy(&key, "https://example.org", &[]).1}});
    seed("attachment", "connections-request", 4, connection.to_string());
    let identus = json!({"id": "1", "type": "https://atalaprism.io/mercury/connections/1.0/request", "pthid": "2",
        "from": "did:example:alice", "to": ["did:example:bob"], "body": {"goal_code": "connect"}});
    seed("attachment", "identus-request", 4, identus.to_string());
}

/// The example, as it is, and with all its settings.
fn configs() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/entente.toml");
    let example = fs::read_to_string(example).unwrap();
    let settings = |marks: &[&str]| {
        let lines = example
            .lines()
            .map(|line| marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line));
        lines.filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    seed("config", "defaults", 0, settings(&[]));
    seed("config", "all", 0, settings(&["#: "]));
    seed("config", "otherwise", 0, settings(&["#| "]));
}
