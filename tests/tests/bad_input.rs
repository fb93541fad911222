//! What comes from outside is nonsense: it is refused by name, changes nothing, is counted, and stops nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::HashMap;
use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DidMethod, GetConnectionRequest,
    ListConnectionsRequest, ListInvitationsRequest, ReusePolicy, SendBasicMessageRequest,
    SendMessageRequest, SendPingRequest, UpdateConnectionRequest,
};
use entente_rpc::proto::event::v1::{
    Event, EventFilter, EventKind, ListEventsRequest, SubscribeRequest,
};
use entente_rpc::proto::keystore::v1::{ImportKeyRequest, KeyType, PackRequest, SignRequest};
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::transport::v1::{DeliverRequest, FetchInvitationRequest};
use entente_rpc::{Code, ErrorReason, Failure, MAX_MESSAGE, Status};
use entente_tests::peer::{Key, message, pack_anonymous};
use entente_tests::suite::seconds;
use entente_tests::wire::{Dice, call, methods, path};
use entente_tests::{Peer, Suite};
use prost::Message as _;
use serde_json::{Value, json};

/// What must not change: how many records there are, and how many events.
async fn counts(suite: &Suite) -> [usize; 4] {
    let request = ListInvitationsRequest { page_size: 1_000, ..Default::default() };
    let invitations = suite.invitations().list_invitations(request).await.unwrap().into_inner();
    [
        suite.all_exchanges().await.len(),
        suite.all_connections().await.len(),
        suite.all_events().await.len(),
        invitations.invitations.len(),
    ]
}

/// The number of the newest event.
async fn last_event(suite: &Suite) -> i64 {
    // A stream of what happens from now on begins with its cursor.
    let request = SubscribeRequest { from_now: true, ..Default::default() };
    let mut stream = suite.events().subscribe(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap().cursor
}

/// What happened after an event, but for the deliveries of messages that were sent before.
async fn changes_after(suite: &Suite, after: i64) -> Vec<Event> {
    let request = ListEventsRequest { after, page_size: 10, ..Default::default() };
    let mut events = suite.events().list_events(request).await.unwrap().into_inner().events;
    let deliveries = [EventKind::MessageSent, EventKind::MessageFailed];
    events.retain(|event| !deliveries.contains(&event.kind()));
    events
}

/// A failure must say why in a way that a program can act on.
fn assert_explained(what: &str, status: &Status) {
    let failure = Failure::of(status);
    let bad = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Cancelled];
    assert!(!bad.contains(&status.code()), "{what}: {status:?}");
    assert_ne!(failure.reason, ErrorReason::Unspecified, "{what}: {status:?}");
    assert_eq!(status.code(), failure.code(), "{what}: {status:?}");
    assert!(!failure.message.is_empty() && failure.message.len() < 2_000, "{what}: {status:?}");
    if failure.reason == ErrorReason::InvalidField {
        assert!(!failure.violations.is_empty(), "{what}: {status:?}");
        assert!(
            failure.violations.iter().all(|(field, _)| !field.is_empty()),
            "{what}: {status:?}"
        );
    }
}

/// The status of a call that must fail.
fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T, Status>) -> Failure {
    let status = match answer {
        Ok(answer) => panic!("{what} was taken: {answer:?}"),
        Err(status) => status,
    };
    assert_explained(what, &status);
    Failure::of(&status)
}

/// Each names the field that is wrong with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_field_is_named() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = counts(&suite).await;

    let mut unnamed = Unnamed::default();
    let long = "x".repeat(70_000);
    let negative = Some(seconds(-1));
    let base = CreateInvitationRequest::default;
    for (field, request) in [
        ("kind", CreateInvitationRequest { kind: 99, ..base() }),
        ("max_uses", CreateInvitationRequest { max_uses: -1, ..base() }),
        ("expires_in", CreateInvitationRequest { expires_in: negative, ..base() }),
        (
            "expires_in",
            CreateInvitationRequest {
                expires_in: Some(prost_types::Duration { seconds: i64::MAX, nanos: 7 }),
                ..base()
            },
        ),
        ("did_method", CreateInvitationRequest { did_method: -3, ..base() }),
        ("use_did", CreateInvitationRequest { use_did: "hello".to_owned(), ..base() }),
        (
            "use_did",
            CreateInvitationRequest {
                use_did: peer.did.clone(),
                did_method: DidMethod::Peer2.into(),
                ..base()
            },
        ),
        (
            "handshake_protocols",
            CreateInvitationRequest { handshake_protocols: vec![77], ..base() },
        ),
        ("metadata_json", CreateInvitationRequest { metadata_json: "[".to_owned(), ..base() }),
        ("metadata_json", CreateInvitationRequest { metadata_json: "[]".to_owned(), ..base() }),
        (
            "metadata_json",
            CreateInvitationRequest { metadata_json: json!({"a": long}).to_string(), ..base() },
        ),
        (
            "attachments_json",
            CreateInvitationRequest { attachments_json: vec!["{".to_owned()], ..base() },
        ),
        (
            "protocol_version",
            CreateInvitationRequest { protocol_version: "2.0".to_owned(), ..base() },
        ),
        ("request_id", CreateInvitationRequest { request_id: "x".repeat(65), ..base() }),
        ("label", CreateInvitationRequest { label: Some(long.clone()), ..base() }),
        ("alias", CreateInvitationRequest { alias: long.clone(), ..base() }),
    ] {
        unnamed.check(field, suite.invitations().create_invitation(request).await);
    }

    let base = || AcceptInvitationRequest {
        invitation: peer.invitation(json!({})).to_string(),
        ..Default::default()
    };
    for (field, request) in [
        ("did_method", AcceptInvitationRequest { did_method: 99, ..base() }),
        ("wait", AcceptInvitationRequest { wait: negative, ..base() }),
        ("request_id", AcceptInvitationRequest { request_id: "x".repeat(65), ..base() }),
        ("alias", AcceptInvitationRequest { alias: long.clone(), ..base() }),
        ("label", AcceptInvitationRequest { label: Some(long.clone()), ..base() }),
        (
            "reuse.deadline",
            AcceptInvitationRequest {
                reuse: Some(ReusePolicy { deadline: negative, ..Default::default() }),
                ..base()
            },
        ),
        (
            "reuse.on_no_answer",
            AcceptInvitationRequest {
                reuse: Some(ReusePolicy { on_no_answer: 9, ..Default::default() }),
                ..base()
            },
        ),
    ] {
        unnamed.check(field, suite.invitations().accept_invitation(request).await);
    }

    let id = || agent.id.clone();
    let bad_json = Some("7".to_owned());
    unnamed.check(
        "metadata_json",
        suite
            .connections()
            .update_connection(UpdateConnectionRequest {
                id: id(),
                metadata_json: bad_json,
                ..Default::default()
            })
            .await,
    );
    unnamed.check(
        "alias",
        suite
            .connections()
            .update_connection(UpdateConnectionRequest {
                id: id(),
                alias: Some(long.clone()),
                ..Default::default()
            })
            .await,
    );
    unnamed.check(
        "page_size",
        suite
            .connections()
            .list_connections(ListConnectionsRequest { page_size: -1, ..Default::default() })
            .await,
    );
    unnamed.check(
        "request_id",
        suite
            .messages()
            .send_ping(SendPingRequest {
                connection_id: id(),
                request_id: "x".repeat(65),
                ..Default::default()
            })
            .await,
    );
    unnamed.check(
        "content",
        suite
            .messages()
            .send_basic_message(SendBasicMessageRequest {
                connection_id: id(),
                content: "x".repeat(3 << 20),
                ..Default::default()
            })
            .await,
    );
    for text in ["", "{", "[]", "{\"@type\": 7}", "{\"@id\": \"12345678\"}"] {
        let request = SendMessageRequest {
            connection_id: id(),
            message_json: text.to_owned(),
            ..Default::default()
        };
        unnamed.check("message_json", suite.messages().send_message(request).await);
    }
    unnamed.check(
        "after",
        suite.events().list_events(ListEventsRequest { after: -1, ..Default::default() }).await,
    );
    unnamed.check(
        "page_size",
        suite.events().list_events(ListEventsRequest { page_size: -7, ..Default::default() }).await,
    );
    let filter = Some(EventFilter { kinds: vec![999], ..Default::default() });
    unnamed.check(
        "filter.kinds",
        suite.events().list_events(ListEventsRequest { filter, ..Default::default() }).await,
    );
    unnamed.check(
        "heartbeat",
        suite
            .events()
            .subscribe(SubscribeRequest { heartbeat: Some(seconds(-1)), ..Default::default() })
            .await
            .map(drop),
    );
    unnamed.check(
        "key",
        suite.keystore().sign(SignRequest { key: "hello".to_owned(), ..Default::default() }).await,
    );
    unnamed.check(
        "private_key",
        suite
            .keystore()
            .import_key(ImportKeyRequest {
                r#type: KeyType::Ed25519.into(),
                private_key: vec![1, 2].into(),
            })
            .await,
    );
    unnamed.check("recipient_keys", suite.keystore().pack(PackRequest::default()).await);

    assert!(unnamed.0.is_empty(), "{:#?}", unnamed.0);
    assert_eq!(counts(&suite).await, before);
    peer.hears_nothing(&agent).await;
}

/// The fields that were not named as they should be.
#[derive(Default)]
struct Unnamed(Vec<String>);

impl Unnamed {
    /// Checks that a call fails and names the field.
    fn check<T: std::fmt::Debug>(&mut self, field: &str, answer: Result<T, Status>) {
        let status = match answer {
            Ok(answer) => return self.0.push(format!("{field} was taken: {answer:.300?}")),
            Err(status) => status,
        };
        assert_explained(field, &status);
        let failure = Failure::of(&status);
        let named = failure.violations.iter().any(|(path, _)| path.starts_with(field));
        if !named && failure.reason != ErrorReason::TooLarge {
            self.0.push(format!("{field}: {failure:?}"));
        }
    }
}

/// What is not a field but a thing has a reason of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_thing_has_its_reason() {
    let suite = Suite::start().await;
    let before = counts(&suite).await;
    let id = || uuid::Uuid::new_v4().to_string();
    let accept = async |invitation: String| {
        let request = AcceptInvitationRequest { invitation, ..Default::default() };
        refused("an invitation", suite.accept_with(request).await).reason
    };
    for text in
        ["{}", "https://example.com/?oob=%%%", "https://example.com/?oob=e30", "{\"@type\":\"x\"}"]
    {
        assert_eq!(accept(text.to_owned()).await, ErrorReason::InvalidInvitation, "{text}");
    }
    for text in ["", "hello"] {
        let reason = accept(text.to_owned()).await;
        assert!(
            [ErrorReason::InvalidInvitation, ErrorReason::InvalidField].contains(&reason),
            "{text}: {reason:?}"
        );
    }
    let gone = GetConnectionRequest { id: id() };
    assert_eq!(
        refused("an id", suite.connections().get_connection(gone).await).reason,
        ErrorReason::NotFound
    );
    let ping = SendPingRequest { connection_id: id(), ..Default::default() };
    assert_eq!(
        refused("an id", suite.messages().send_ping(ping).await).reason,
        ErrorReason::NotFound
    );
    for token in ["x", "AAAA", "%", &"A".repeat(5_000)] {
        let list = ListConnectionsRequest { page_token: token.to_owned(), ..Default::default() };
        let failure = refused(token, suite.connections().list_connections(list).await);
        assert_eq!(failure.reason, ErrorReason::InvalidPageToken);
    }
    for (did, reason) in [
        ("", ErrorReason::InvalidField),
        ("did:", ErrorReason::InvalidDid),
        ("x", ErrorReason::InvalidDid),
        ("did:example:1", ErrorReason::MethodNotSupported),
    ] {
        let failure = refused(
            did,
            suite.resolver().resolve(ResolveRequest { did: did.to_owned(), no_cache: false }).await,
        );
        assert!(
            failure.reason == reason || failure.reason == ErrorReason::InvalidDid,
            "{did}: {failure:?}"
        );
    }
    let key = Key::random().public.multibase();
    for endpoint in ["ftp://example.com", "file:///etc/passwd", "hello", "http://", "javascript:1"]
    {
        let request = DeliverRequest {
            endpoint: endpoint.to_owned(),
            recipient_key: key.clone(),
            envelope: b"{}".to_vec().into(),
            ..Default::default()
        };
        let failure = refused(endpoint, suite.transport().deliver(request).await);
        let reasons = [
            ErrorReason::EndpointRefused,
            ErrorReason::InvalidField,
            ErrorReason::MalformedEnvelope,
        ];
        assert!(reasons.contains(&failure.reason), "{endpoint}: {failure:?}");
        let request = FetchInvitationRequest { url: endpoint.to_owned() };
        let failure = refused(endpoint, suite.transport().fetch_invitation(request).await);
        assert!(reasons.contains(&failure.reason), "{endpoint}: {failure:?}");
    }
    let unknown = SignRequest { key: Key::random().public.multibase(), ..Default::default() };
    assert_eq!(
        refused("a key", suite.keystore().sign(unknown).await).reason,
        ErrorReason::KeyNotFound
    );
    assert_eq!(counts(&suite).await, before);
}

/// Where the public listeners may not be reached on private addresses, invitations cannot make us call them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_refused_unless_allowed() {
    let suite = Suite::with(&["--allow-private-endpoints=false"]).await;
    let peer = Peer::start().await;
    for url in [
        &peer.listener.url,
        "http://localhost:1/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://10.0.0.1/",
    ] {
        let request = FetchInvitationRequest { url: url.to_owned() };
        let failure = refused(url, suite.transport().fetch_invitation(request).await);
        assert_eq!(failure.reason, ErrorReason::EndpointRefused, "{url}");
    }
    suite.receive(&peer.invitation(json!({}))).await;
    assert_eq!(peer.listener.refused(), 0);
}

/// By chance, but the same at each run: no request of any method makes a failure that is not explained, or one that
/// changes something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_are_answered_with_reasons() {
    const ROUNDS: u64 = 25;
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let invitation = suite.invite_many().await;
    let texts = [
        agent.id.as_str(),
        &invitation.id,
        &invitation.url,
        &invitation.message_json,
        &invitation.key,
        &agent.did,
        &peer.did,
        &peer.key.public.multibase(),
        &peer.listener.url,
        "1.1",
        "{\"@type\":\"https://didcomm.org/trust_ping/1.0/ping\"}",
    ];
    let mut dice = Dice::new(7, texts.map(str::to_owned).to_vec());
    let mut outcomes: HashMap<Code, usize> = HashMap::new();
    for method in methods() {
        let path = path(&method);
        for round in 0..ROUNDS {
            let request = dice.message(&method.input());
            let encoded = request.encode_to_vec();
            if encoded.len() > MAX_MESSAGE {
                continue; // refused before any service sees it
            }
            let what = format!("{path} round {round}: {}", shown(&request));
            // An earlier call may have its effect just now, so that only what happens each time is this one's.
            for attempt in 1.. {
                let before = last_event(&suite).await;
                let answer = call(suite.link(), &path, encoded.clone());
                match tokio::time::timeout(Duration::from_secs(2), answer).await {
                    // A stream without an event, or a call that waits for its peer as it was told to.
                    Err(_) => break,
                    Ok(Ok(_)) => {
                        *outcomes.entry(Code::Ok).or_default() += 1;
                        break;
                    }
                    Ok(Err(status)) => {
                        assert_explained(&what, &status);
                        *outcomes.entry(status.code()).or_default() += 1;
                        let changes = changes_after(&suite, before).await;
                        if changes.is_empty() {
                            break;
                        }
                        assert!(attempt < 3, "{what}: {status:?}: {changes:?}");
                    }
                }
            }
        }
    }
    assert!(
        outcomes.get(&Code::Ok) > Some(&50) && outcomes.get(&Code::InvalidArgument) > Some(&200),
        "{outcomes:?}"
    );
    // It works as before; the key of the DID that invitations share may have been deleted, which is no fault.
    let unique = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
    Peer::start().await.join_by(&suite, &suite.invite_with(unique).await).await;
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}

fn shown(message: &prost_reflect::DynamicMessage) -> String {
    format!("{message:?}").chars().take(1_000).collect()
}

/// Bytes that are no message of the method's type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undecodable_requests_are_refused() {
    let suite = Suite::start().await;
    for method in methods() {
        for bytes in [vec![0xff; 16], vec![0x0a, 0x7f], vec![0x0a, 0x02, 0xff, 0xfe]] {
            if let Err(status) = call(suite.link(), &path(&method), bytes).await {
                let fine = [
                    Code::InvalidArgument,
                    Code::Internal,
                    Code::NotFound,
                    Code::FailedPrecondition,
                ];
                assert!(fine.contains(&status.code()), "{}: {status:?}", path(&method));
            }
        }
    }
    let large = vec![0; 5 << 20];
    let status =
        call(suite.link(), "/entente.keystore.v1.KeystoreService/Unpack", large).await.unwrap_err();
    let fine = [Code::OutOfRange, Code::ResourceExhausted, Code::Internal, Code::Unavailable];
    assert!(fine.contains(&status.code()), "{status:?}");
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}

/// The admin API answers nonsense with 4xx and a text, as ACA-Py does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_routes_refuse_nonsense_with_a_text() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = counts(&suite).await;
    let id = agent.id.as_str();
    let gone = "00000000-0000-0000-0000-000000000000";
    let create = "/out-of-band/create-invitation";
    let receive = "/out-of-band/receive-invitation";
    let metadata = format!("/connections/{id}/metadata");
    let message = format!("/connections/{id}/send-message");
    let cases = [
        ("POST", create, json!([])),
        ("POST", create, json!({})),
        ("POST", create, json!({"handshake_protocols": "didexchange"})),
        ("POST", create, json!({"handshake_protocols": ["https://didcomm.org/connections/9.0"]})),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did_method": "did:web"}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did": "did:peer:2.unknown"}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "metadata": 7}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "alias": {}}),
        ),
        (
            "POST",
            "/out-of-band/create-invitation?multi_use=perhaps",
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]}),
        ),
        ("POST", receive, json!([])),
        ("POST", receive, json!({})),
        ("POST", receive, json!({"services": ["did:peer:2"]})),
        ("POST", receive, peer.invitation(json!({"handshake_protocols": []}))),
        (
            "POST",
            receive,
            peer.invitation(json!({"@type": "https://didcomm.org/trust_ping/1.0/ping"})),
        ),
        (
            "POST",
            "/out-of-band/receive-invitation?use_existing_connection=perhaps",
            peer.invitation(json!({})),
        ),
        ("GET", "/out-of-band/invitations?oobid=nothing", Value::Null),
        ("DELETE", "/out-of-band/invitations/nothing", Value::Null),
        ("GET", "/connections?state=flying", Value::Null),
        ("GET", "/connections?limit=-1", Value::Null),
        ("GET", "/connections?limit=many", Value::Null),
        ("GET", "/connections?offset=-1", Value::Null),
        ("GET", "/connections/nothing", Value::Null),
        ("DELETE", &format!("/connections/{gone}"), Value::Null),
        ("POST", &metadata, json!([])),
        ("POST", &metadata, json!({"metadata": "text"})),
        ("POST", &format!("/connections/{gone}/metadata"), json!({"metadata": {}})),
        ("GET", &format!("/connections/{gone}/metadata"), Value::Null),
        ("GET", &format!("/connections/{gone}/endpoints"), Value::Null),
        ("POST", &format!("/connections/{gone}/send-ping"), json!({})),
        ("POST", &format!("/connections/{id}/send-ping"), json!({"comment": 7})),
        ("POST", &message, json!({})),
        ("POST", &message, json!({"content": 7})),
        ("POST", &message, json!([])),
        ("POST", &format!("/connections/{gone}/send-message"), json!({"content": "hi"})),
        ("POST", &format!("/didexchange/{gone}/accept-invitation"), json!({})),
        ("POST", &format!("/didexchange/{gone}/accept-request"), json!({})),
        ("POST", &format!("/didexchange/{gone}/reject"), json!({})),
        ("POST", &format!("/didexchange/{id}/accept-invitation"), json!({})),
        ("GET", "/nothing", Value::Null),
        ("PUT", "/connections", json!({})),
    ];
    let mut wrong = Vec::new();
    for (method, path, body) in cases {
        let (status, text) = suite.call(method, path, body.clone()).await;
        if !(400..500).contains(&status) {
            wrong.push(format!("{method} {path} {body}: {status} {text:.300}"));
            continue;
        }
        // Nobody listens where there is no route.
        let routed = status != 405 && path != "/nothing";
        assert!(
            !routed || text.starts_with(&format!("{status}: ")),
            "{method} {path} {body}: {status} {text:?}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for path in [create, receive, metadata.as_str(), message.as_str()] {
        for body in ["{", "", "\u{0}", "{\"a\":", &"[".repeat(100_000), "\"\\ud800\""] {
            let url = format!("{}{path}", suite.admin_url);
            let sent = suite
                .http
                .post(url)
                .bearer_auth(&suite.api_key)
                .header("content-type", "application/json");
            let answer = sent.body(body.to_owned()).send().await.unwrap();
            let status = answer.status().as_u16();
            let shown = &body[..body.len().min(20)];
            assert!(
                (400..500).contains(&status),
                "{path} {shown:?}: {status} {:?}",
                answer.text().await
            );
        }
    }
    for key in [None, Some("wrong")] {
        let mut request = suite.http.get(format!("{}/connections", suite.admin_url));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    assert_eq!(counts(&suite).await, before);
    peer.hears_nothing(&agent).await;
}

/// Each kind of refused envelope has its count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_messages_are_counted() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = counts(&suite).await;
    let silent = || message("trust_ping/1.0/ping", json!({"response_requested": false}));
    let stranger = Key::random();
    let replayed =
        peer.key.pack(&message("notification/1.0/ack", json!({"status": "OK"})), &agent.key);
    let no_type = json!({"@id": "12345678"});
    let truncated = peer.key.pack(&silent(), &agent.key);
    let large = peer.key.pack(
        &message("notification/1.0/ack", json!({"comment": "x".repeat(1 << 20)})),
        &agent.key,
    );
    let cases: Vec<(&str, u16, Vec<u8>)> = vec![
        ("malformed_envelope", 400, b"hello".to_vec()),
        ("malformed_envelope", 400, truncated[..truncated.len() - 9].to_vec()),
        ("undecryptable", 202, peer.key.pack(&silent(), &stranger.public)),
        ("malformed_message", 202, peer.key.pack(&no_type, &agent.key)),
        ("refused", 202, pack_anonymous(&silent(), &agent.key)),
        ("refused", 202, stranger.pack(&silent(), &agent.key)),
        ("handled", 202, replayed.clone()),
        ("duplicate", 202, replayed),
        ("too_large", 413, large),
    ];
    for (result, status, body) in cases {
        let metric = format!("entente_gateway_inbound_messages_total{{result=\"{result}\"}}");
        let count = suite.metric(&metric).await;
        let answer = peer.post_envelope(&agent.url, body).await;
        assert_eq!(answer.status, status, "{result}: {answer:?}");
        assert_eq!(suite.metric(&metric).await - count, 1.0, "{result}");
    }
    assert_eq!(counts(&suite).await, before);
    peer.hears_nothing(&agent).await;
}

/// A message for a connection in which it makes no sense moves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_out_of_order_move_nothing() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let exchanges = suite.all_exchanges().await;
    let thread = json!({"thid": agent.thread_id, "pthid": agent.invitation_id});
    for kind in [
        "didexchange/1.1/response",
        "didexchange/1.1/complete",
        "didexchange/1.1/request",
        "didexchange/1.1/problem_report",
        "didexchange/1.0/complete",
        "out-of-band/1.1/handshake-reuse-accepted",
        "out-of-band/1.1/problem_report",
        "out-of-band/1.1/invitation",
        "connections/1.0/response",
        "didexchange/1.1/nothing",
    ] {
        for fields in [
            json!({"~thread": thread}),
            json!({"~thread": thread, "did": peer.did, "label": "again"}),
            json!({}),
        ] {
            peer.send(&agent, &message(kind, fields)).await;
        }
    }
    assert_eq!(suite.all_exchanges().await, exchanges);
    assert_eq!(suite.all_connections().await.len(), 1);
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}
