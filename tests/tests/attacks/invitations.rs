//! Invitations, and short URLs of them, that are made to be expensive.

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use entente_rpc::proto::connection::v1::AcceptInvitationRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::{Peer, Suite};
use futures_util::stream;
use serde_json::json;

use crate::Scene;

checks!(
    short_urls_that_lead_nowhere_are_left,
    short_urls_that_give_too_much_are_left,
    invitations_are_bounded,
    an_endpoint_cannot_write_headers,
);

/// A host that does what its paths say.
async fn host() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, Router::new().fallback(answer)).await });
    url
}

fn to(place: &str) -> Response {
    (StatusCode::FOUND, [("location", place.to_owned())]).into_response()
}

async fn answer(uri: Uri) -> Response {
    let steps: usize = uri.query().and_then(|steps| steps.parse().ok()).unwrap_or_default();
    let endless = || stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let json = [("content-type", "application/json")];
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    match uri.path() {
        "/loop" => to("/loop"),
        "/there" => to("/back"),
        "/back" => to("/there"),
        "/chain" => to(&format!("/chain?{}", steps + 1)),
        "/nowhere" => StatusCode::FOUND.into_response(),
        "/file" => to("file:///etc/passwd"),
        "/endless" => (json, Body::from_stream(endless())).into_response(),
        "/long" => (json, " ".repeat(1 << 20)).into_response(),
        "/deep" => (json, "[".repeat(60_000)).into_response(),
        "/gzip" => (gzip, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0].to_vec()).into_response(),
        "/page" => "<html>invitation</html>".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn refused(suite: &Suite, invitation: String) -> Failure {
    let shown: String = invitation.chars().take(60).collect();
    let request = AcceptInvitationRequest { invitation, ..Default::default() };
    Failure::of(&suite.accept_with(request).await.expect_err(&shown))
}

async fn short_urls_that_lead_nowhere_are_left(suite: &Suite) {
    let (scene, host) = (Scene::of(suite).await, host().await);
    for (path, words) in [
        ("/loop", "too often"),
        ("/there", "too often"),
        ("/chain", "too often"),
        ("/nowhere", "nowhere"),
        ("/file", "scheme"),
    ] {
        let failure = refused(suite, format!("{host}{path}")).await;
        let expected = [ErrorReason::InvalidInvitation, ErrorReason::EndpointRefused];
        assert!(expected.contains(&failure.reason), "{path}: {failure:?}");
        assert!(failure.message.contains(words), "{path}: {failure:?}");
    }
    scene.is_unharmed(suite).await;
}

async fn short_urls_that_give_too_much_are_left(suite: &Suite) {
    let (scene, host) = (Scene::of(suite).await, host().await);
    for (path, words) in [
        ("/endless", "longer than"),
        ("/long", "longer than"),
        ("/deep", "no JSON object"),
        ("/gzip", "no JSON object"),
        ("/page", "no JSON object"),
        ("/none", "404"),
    ] {
        let failure = refused(suite, format!("{host}{path}")).await;
        assert_eq!(failure.reason, ErrorReason::InvalidInvitation, "{path}: {failure:?}");
        assert!(failure.message.contains(words), "{path}: {failure:?}");
    }
    scene.is_unharmed(suite).await;
}

async fn invitations_are_bounded(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let peer = Peer::start().await;
    let service = json!({
        "id": "#a", "type": "did-communication",
        "recipientKeys": [peer.key.public.did_key()], "serviceEndpoint": peer.listener.url,
    });
    let mut with_keys = service.clone();
    with_keys["recipientKeys"] = json!(vec![peer.key.public.did_key(); 1_000]);
    let mut with_mediators = service.clone();
    with_mediators["routingKeys"] = json!(vec![peer.key.public.did_key(); 1_000]);
    let attachment = json!({"@id": "1", "mime-type": "application/json", "data": {"json": {}}});
    for (what, fields) in [
        ("services", json!({"services": vec![service; 1_000]})),
        ("keys", json!({"services": [with_keys]})),
        ("mediators", json!({"services": [with_mediators]})),
        ("a DID", json!({"services": [format!("did:peer:2.{}", "Vz6Mk".repeat(10_000))]})),
        ("attachments", json!({"requests~attach": vec![attachment; 1_000]})),
        ("its id", json!({"@id": "i".repeat(10_000)})),
        ("everything", json!({"label": "x".repeat(400_000)})),
    ] {
        let failure = refused(suite, peer.invitation(fields).to_string()).await;
        let fine = [
            ErrorReason::InvalidInvitation,
            ErrorReason::UnsupportedInvitation,
            ErrorReason::InvitationWithoutKeys,
            ErrorReason::InvitationTooLarge,
            ErrorReason::InvalidField,
            ErrorReason::InvalidDid,
            ErrorReason::TooLarge,
        ];
        assert!(fine.contains(&failure.reason), "{what}: {failure:?}");
        assert!(failure.message.len() < 2_000, "{what}: the answer is not as long as the question");
    }
    scene.is_unharmed(suite).await;
}

/// What stands in an endpoint ends up in a request line, and must not end it.
async fn an_endpoint_cannot_write_headers(suite: &Suite) {
    let peer = Peer::start().await;
    for end in [
        "/\r\nX-Evil: yes",
        "/%0d%0aX-Evil:%20yes",
        "/ HTTP/1.1\r\nX-Evil: yes\r\n\r\n",
        "/?a\nX-Evil: yes",
    ] {
        let invitation = peer.invitation(json!({"services": [{
            "id": "#a", "type": "did-communication",
            "recipientKeys": [peer.key.public.did_key()],
            "serviceEndpoint": format!("{}{end}", peer.listener.url),
        }]}));
        let invitation = invitation.to_string();
        let request = AcceptInvitationRequest { invitation, ..Default::default() };
        if suite.accept_with(request).await.is_ok() {
            let received = peer.listener.next().await;
            assert!(received.headers.get("x-evil").is_none(), "{end:?}: {:?}", received.headers);
        }
    }
}
