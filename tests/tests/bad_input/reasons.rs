//! gRPC: what is not a field but a thing is refused with a reason of its own.

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, GetConnectionRequest, ListConnectionsRequest, SendPingRequest,
};
use entente_rpc::proto::keystore::v1::SignRequest;
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::transport::v1::{DeliverRequest, FetchInvitationRequest};
use entente_rpc::{ErrorReason, Failure, Status};
use entente_tests::peer::Key;
use entente_tests::{Peer, Suite};
use serde_json::json;

use crate::assert_explained;

/// The status of a call that must fail.
fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T, Status>) -> Failure {
    let status = match answer {
        Ok(answer) => panic!("{what} was taken: {answer:?}"),
        Err(status) => status,
    };
    assert_explained(what, &status);
    Failure::of(&status)
}

/// What is not a field but a thing has a reason of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_thing_has_its_reason() {
    let suite = Suite::start().await;
    let before = suite.counts().await;
    let id = || uuid::Uuid::new_v4().to_string();
    let accept = async |invitation: String| {
        let request = AcceptInvitationRequest { invitation, ..Default::default() };
        refused("an invitation", suite.accept_with(request).await).reason
    };
    for (text, reason) in [
        ("{}", ErrorReason::InvitationWrongType),
        ("https://example.com/?oob=%%%", ErrorReason::InvitationNotBase64),
        ("https://example.com/?oob=e30", ErrorReason::InvitationWrongType),
        ("{\"@type\":", ErrorReason::InvitationNotJson),
    ] {
        assert_eq!(accept(text.to_owned()).await, reason, "{text}");
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
        refused("a key", suite.keystore_as_connection().sign(unknown).await).reason,
        ErrorReason::KeyNotFound
    );
    assert_eq!(suite.counts().await, before);
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
