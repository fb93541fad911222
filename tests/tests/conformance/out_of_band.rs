//! Invitations, how they are written and read (RFC 0434, 0044).

use std::collections::HashMap;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DidMethod, HandshakeProtocol,
    PreviewInvitationRequest,
};
use entente_rpc::{ErrorReason, Failure};
use entente_tests::peer::kind;
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    an_invitation_without_handshake_or_request_is_refused,
    malformed_invitations_are_refused_by_name,
    unknown_services_are_passed_over,
    services_are_tried_in_their_order,
    inline_keys_are_written_as_did_key,
    a_did_peer_2_says_did_communication,
    no_common_profile_is_refused,
    a_profile_of_several_is_enough,
    no_common_handshake_is_refused,
    urls_are_written_without_padding_and_read_with,
    both_versions_are_written_and_read,
    a_short_url_that_gives_json_is_followed,
    a_short_url_that_redirects_is_followed,
    a_short_url_that_gives_nonsense_is_refused,
    a_preview_changes_nothing,
);

fn reason(failed: Result<impl std::fmt::Debug, entente_rpc::Status>) -> ErrorReason {
    Failure::of(&failed.expect_err("a refusal")).reason
}

async fn try_accept(
    suite: &Suite,
    invitation: &Value,
) -> Result<entente_rpc::proto::connection::v1::Acceptance, entente_rpc::Status> {
    let invitation = invitation.to_string();
    suite.accept_with(AcceptInvitationRequest { invitation, ..Default::default() }).await
}

async fn an_invitation_without_handshake_or_request_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    for protocols in [json!(null), json!([])] {
        let invitation = peer.invitation(json!({"handshake_protocols": protocols}));
        assert_eq!(reason(try_accept(suite, &invitation).await), ErrorReason::InvalidInvitation);
    }
}

async fn malformed_invitations_are_refused_by_name(suite: &Suite) {
    let peer = Peer::start().await;
    let before = suite.all_exchanges().await.len();
    for (field, value) in [
        ("services", json!([])),
        ("services", json!("did:peer:2")),
        ("services", json!(null)),
        ("handshake_protocols", json!("https://didcomm.org/didexchange/1.1")),
        ("handshake_protocols", json!([7])),
        ("@id", json!("")),
        ("@id", json!(null)),
        ("@type", json!("https://didcomm.org/out-of-band/2.0/invitation")),
        ("@type", json!("https://didcomm.org/trust_ping/1.0/ping")),
        ("requests~attach", json!("ping")),
        ("label", json!({})),
    ] {
        let invitation = peer.invitation(json!({field: value}));
        let failed = try_accept(suite, &invitation).await.expect_err("a refusal");
        let failure = Failure::of(&failed);
        let known = failure.reason == ErrorReason::UnsupportedInvitation;
        assert!(known || failure.is_invalid_invitation(), "{field} {value}: {failed:?}");
        let name = match field {
            "@type" => "out-of-band",
            other => other.trim_start_matches('@').trim_end_matches("~attach"),
        };
        assert!(failed.message().contains(name), "{field} {value}: {}", failed.message());
    }
    assert_eq!(suite.all_exchanges().await.len(), before);
}

async fn unknown_services_are_passed_over(suite: &Suite) {
    let peer = Peer::start().await;
    let services = json!([
        {"id": "#x", "type": "LinkedDomains", "serviceEndpoint": "https://example.com"},
        {"id": "#inline", "recipientKeys": [peer.key.public.did_key()], "serviceEndpoint": peer.listener.url},
    ]);
    peer.invite(suite, &peer.invitation(json!({"services": services}))).await;
}

async fn services_are_tried_in_their_order(suite: &Suite) {
    let (first, second) = (Peer::start().await, Peer::start().await);
    let services = json!([first.did, second.did]);
    suite.receive(&first.invitation(json!({"services": services}))).await;
    assert_eq!(kind(&first.listener.next().await.message), "didexchange/1.1/request");
    let services = json!(["did:example:unresolvable", second.did]);
    suite.receive(&second.invitation(json!({"services": services}))).await;
    assert_eq!(kind(&second.listener.next().await.message), "didexchange/1.1/request");
}

async fn inline_keys_are_written_as_did_key(suite: &Suite) {
    let did_method = DidMethod::InlineKey.into();
    let invitation =
        suite.invite_with(CreateInvitationRequest { did_method, ..Default::default() }).await;
    let message: Value = serde_json::from_str(&invitation.message_json).unwrap();
    let service = &message["services"][0];
    assert_eq!(service["type"], "did-communication");
    assert_eq!(service["serviceEndpoint"], suite.didcomm_url);
    let key = service["recipientKeys"][0].as_str().unwrap();
    assert!(key.starts_with("did:key:z6Mk") && key.contains(&invitation.key), "{key}");
    let peer = Peer::start().await;
    peer.join_by(suite, &invitation).await;
}

async fn a_did_peer_2_says_did_communication(suite: &Suite) {
    let invitation = suite.invite().await;
    let service = invitation.did.rsplit(".S").next().unwrap();
    let service: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(service).unwrap()).unwrap();
    assert_eq!(service["t"], "did-communication", "{service}");
}

async fn no_common_profile_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.invitation(json!({"accept": ["didcomm/v2", "didcomm/v9"]}));
    assert_eq!(reason(try_accept(suite, &invitation).await), ErrorReason::UnsupportedInvitation);
}

async fn a_profile_of_several_is_enough(suite: &Suite) {
    for accept in [json!(["didcomm/v2", "didcomm/aip2;env=rfc19"]), json!([]), json!(null)] {
        let peer = Peer::start().await;
        peer.invite(suite, &peer.invitation(json!({"accept": accept}))).await;
    }
}

async fn no_common_handshake_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let protocols = json!({"handshake_protocols": ["https://didcomm.org/connections/9.0"]});
    let failed = try_accept(suite, &peer.invitation(protocols)).await;
    assert_eq!(reason(failed), ErrorReason::UnsupportedInvitation);
}

async fn urls_are_written_without_padding_and_read_with(suite: &Suite) {
    for label in ["P", "Pe", "Pee", "Peer"] {
        let made = suite
            .invite_with(CreateInvitationRequest {
                label: Some(label.to_owned()),
                ..Default::default()
            })
            .await;
        let (_, oob) = made.url.split_once("?oob=").expect("an oob parameter");
        assert!(!oob.contains('='), "{oob}");
        let message: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(oob).unwrap()).unwrap();
        assert_eq!(message["@id"], made.id);
        let peer = Peer::start().await;
        let text = peer.invitation(json!({"label": label})).to_string();
        let (padded, bare) = (URL_SAFE.encode(&text), URL_SAFE_NO_PAD.encode(&text));
        for url in [
            format!("https://example.com/ssi?oob={padded}"),
            format!("https://example.com?utm=1&oob={bare}&lang=en"),
            format!("didcomm://invite?oob={bare}"),
        ] {
            let request = PreviewInvitationRequest { invitation: url, ..Default::default() };
            let seen = suite.invitations().preview_invitation(request).await.unwrap().into_inner();
            assert_eq!(seen.their_label, label);
        }
    }
}

async fn both_versions_are_written_and_read(suite: &Suite) {
    for version in ["1.0", "1.1"] {
        let made = suite
            .invite_with(CreateInvitationRequest {
                protocol_version: version.to_owned(),
                handshake_protocols: vec![HandshakeProtocol::Didexchange11.into()],
                ..Default::default()
            })
            .await;
        let message: Value = serde_json::from_str(&made.message_json).unwrap();
        assert_eq!(kind(&message), format!("out-of-band/{version}/invitation"));
        assert_eq!(message["handshake_protocols"], json!(["https://didcomm.org/didexchange/1.1"]));
        let peer = Peer::start().await;
        let kind = format!("https://didcomm.org/out-of-band/{version}/invitation");
        peer.invite(suite, &peer.invitation(json!({"@type": kind}))).await;
    }
}

/// A host that answers each path as it is told.
pub(super) async fn host(answers: HashMap<&'static str, (u16, String)>) -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let router = Router::new().fallback(async move |uri: axum::http::Uri, headers: HeaderMap| {
        let (status, text) = answers.get(uri.path()).cloned().unwrap_or((404, String::new()));
        let wants_json = headers
            .get("accept")
            .is_some_and(|accept| accept.to_str().unwrap().contains("application/json"));
        match status {
            200 if !wants_json => StatusCode::NOT_ACCEPTABLE.into_response(),
            301 | 302 => {
                (StatusCode::from_u16(status).unwrap(), [("location", text)]).into_response()
            }
            200 => ([("content-type", "application/json; charset=utf-8")], text).into_response(),
            other => StatusCode::from_u16(other).unwrap().into_response(),
        }
    });
    tokio::spawn(async move { axum::serve(socket, router).await });
    url
}

async fn preview(suite: &Suite, invitation: String) -> Result<String, entente_rpc::Status> {
    let request = PreviewInvitationRequest { invitation, ..Default::default() };
    Ok(suite.invitations().preview_invitation(request).await?.into_inner().their_label)
}

async fn a_short_url_that_gives_json_is_followed(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.invitation(json!({"label": "Shortened"})).to_string();
    let host = host(HashMap::from([("/s/1", (200, invitation))])).await;
    assert_eq!(preview(suite, format!("{host}/s/1")).await.unwrap(), "Shortened");
}

async fn a_short_url_that_redirects_is_followed(suite: &Suite) {
    let peer = Peer::start().await;
    let text = peer.invitation(json!({"label": "Redirected"})).to_string();
    let long = format!("https://example.com/?oob={}", URL_SAFE_NO_PAD.encode(text));
    let host = host(HashMap::from([("/301", (301, long.clone())), ("/302", (302, long))])).await;
    for status in [301, 302] {
        assert_eq!(preview(suite, format!("{host}/{status}")).await.unwrap(), "Redirected");
    }
}

async fn a_short_url_that_gives_nonsense_is_refused(suite: &Suite) {
    let answers = [
        ("/html", (200, "<html></html>".to_owned())),
        ("/empty", (200, String::new())),
        ("/loop", (302, "/loop".to_owned())),
        ("/large", (200, format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20)))),
        ("/file", (302, "file:///etc/passwd".to_owned())),
        ("/gone", (410, String::new())),
    ];
    let host = host(HashMap::from(answers.clone())).await;
    for (path, _) in answers {
        let failed = preview(suite, format!("{host}{path}")).await.expect_err(path);
        assert_ne!(Failure::of(&failed).reason, ErrorReason::Unspecified, "{path}: {failed:?}");
        assert_ne!(Failure::of(&failed).reason, ErrorReason::Internal, "{path}: {failed:?}");
    }
}

async fn a_preview_changes_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let before = suite.counts().await;
    preview(suite, peer.invitation(json!({})).to_string()).await.unwrap();
    assert_eq!(suite.counts().await, before);
}
