//! gRPC: each bad field is named.

use entente_did::PublicKey;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, CreateStaticConnectionRequest, DidMethod,
    ListConnectionsRequest, ReusePolicy, SendBasicMessageRequest, SendMessageRequest,
    SendPingRequest, SubmitRequestRequest, UpdateConnectionRequest,
};
use entente_rpc::proto::event::v1::{EventFilter, ListEventsRequest, SubscribeRequest};
use entente_rpc::proto::keystore::v1::{ImportKeyRequest, KeyType, PackRequest, SignRequest};
use entente_rpc::{ErrorReason, Failure, Status};
use entente_tests::peer::Key;
use entente_tests::suite::seconds;
use entente_tests::{Peer, Suite};
use serde_json::json;

use crate::assert_explained;

/// Each names the field that is wrong with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_field_is_named() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = suite.counts().await;

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

    let (key, other) = (peer.key.public, Key::random().public);
    let base =
        || CreateStaticConnectionRequest { their_key: other.multibase(), ..Default::default() };
    let resolvable = peer.did.clone();
    for (field, request) in [
        ("their_key", CreateStaticConnectionRequest::default()),
        ("their_key", CreateStaticConnectionRequest { their_key: "0OIl".to_owned(), ..base() }),
        ("their_key", CreateStaticConnectionRequest { their_key: x25519(&other), ..base() }),
        ("my_key", CreateStaticConnectionRequest { my_key: "hello".to_owned(), ..base() }),
        ("my_key", CreateStaticConnectionRequest { my_key: key.multibase(), ..base() }),
        ("their_key", CreateStaticConnectionRequest { my_key: other.multibase(), ..base() }),
        ("my_did", CreateStaticConnectionRequest { my_did: "nobody".to_owned(), ..base() }),
        (
            "my_did",
            CreateStaticConnectionRequest {
                my_key: key.multibase(),
                my_did: "WgWxqztrNooG92RXvxSTWv".to_owned(),
                ..base()
            },
        ),
        ("my_key", CreateStaticConnectionRequest { my_did: resolvable.clone(), ..base() }),
        ("their_did", CreateStaticConnectionRequest { their_did: "did:x".to_owned(), ..base() }),
        ("their_did", CreateStaticConnectionRequest { their_did: resolvable, ..base() }),
        (
            "their_endpoint",
            CreateStaticConnectionRequest { their_endpoint: "hello".to_owned(), ..base() },
        ),
        (
            "their_endpoint",
            CreateStaticConnectionRequest { their_endpoint: "ftp://a".to_owned(), ..base() },
        ),
        ("their_label", CreateStaticConnectionRequest { their_label: long.clone(), ..base() }),
        ("alias", CreateStaticConnectionRequest { alias: long.clone(), ..base() }),
        ("request_id", CreateStaticConnectionRequest { request_id: "x".repeat(65), ..base() }),
    ] {
        unnamed.check(field, suite.connections().create_static_connection(request).await);
    }
    let several = CreateStaticConnectionRequest {
        my_did: "x".to_owned(),
        their_did: "y".to_owned(),
        their_endpoint: "z".to_owned(),
        ..Default::default()
    };
    let status = suite.connections().create_static_connection(several).await.unwrap_err();
    let named: Vec<_> =
        Failure::of(&status).violations.into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, ["my_did", "their_key", "their_did", "their_endpoint"]);

    for text in ["", "{", "[]", "{\"@type\": 7}", "{\"@id\": \"12345678\"}", &long] {
        let request = SubmitRequestRequest { request_json: text.to_owned(), ..Default::default() };
        unnamed.check("request_json", suite.exchanges().submit_request(request).await);
    }
    let request = SubmitRequestRequest { alias: Some(long.clone()), ..Default::default() };
    unnamed.check("alias", suite.exchanges().submit_request(request).await);

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
        suite
            .keystore_as_connection()
            .sign(SignRequest { key: "hello".to_owned(), ..Default::default() })
            .await,
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
    unnamed
        .check("recipient_keys", suite.keystore_as_connection().pack(PackRequest::default()).await);

    assert!(unnamed.0.is_empty(), "{:#?}", unnamed.0);
    assert_eq!(suite.counts().await, before);
    peer.hears_nothing(&agent).await;
}

fn x25519(key: &PublicKey) -> String {
    key.to_x25519().unwrap().did_key()
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
