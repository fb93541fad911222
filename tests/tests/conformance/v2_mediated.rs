//! Messages to peers behind mediators, and the shapes of their endpoints (DIDComm v2, "Routing Protocol 2.0" and "Service
//! Endpoint").

use entente_rpc::proto::connection::v1::InvitationKind;
use entente_tests::Suite;
use entente_tests::peer::Listener;
use entente_tests::peer::v2::{Identity, Peer, RESPONSE, endpoint, invite};
use serde_json::{Value, json};

checks!(
    a_message_is_wrapped_for_each_mediator_the_first_outermost,
    an_endpoint_that_is_a_did_is_its_mediators,
    an_endpoint_may_have_any_shape,
);

/// Asks for a connection; the response goes where the DID says. Gives the invitation's id.
pub(super) async fn ask(suite: &Suite, me: &Identity) -> String {
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    let envelope = me.pack(&me.request(&invitation), &invitation.did);
    let post = suite.http.post(endpoint(&invitation.did));
    let post = post.header("content-type", "application/json").body(envelope);
    assert_eq!(post.send().await.unwrap().status(), 202);
    invitation.id
}

/// What is in a forward to a DID.
pub(super) fn forwarded(forward: &Value, next: &str) -> Vec<u8> {
    assert_eq!(forward["type"], "https://didcomm.org/routing/2.0/forward", "{forward}");
    assert_eq!(forward["body"]["next"], next);
    forward["attachments"][0]["data"]["json"].to_string().into_bytes()
}

fn is_response(me: &Identity, envelope: &[u8]) {
    let (message, sender) = me.open(envelope).expect("for me");
    assert_eq!(message["type"], RESPONSE);
    assert!(sender.is_some(), "the message itself is authcrypted");
}

async fn a_message_is_wrapped_for_each_mediator_the_first_outermost(suite: &Suite) {
    let (outer, inner) = (Peer::start().await, Identity::nowhere());
    let me = Identity::with_service(&json!({
        "t": "dm",
        "s": {"uri": outer.listener.url, "r": [outer.me.kid(), inner.kid()], "a": ["didcomm/v2"]},
    }));
    ask(suite, &me).await;
    let received = outer.listener.next().await;
    assert_eq!(received.sender, None, "forwards are anonymous");
    let (next, sender) =
        inner.open(&forwarded(&received.message, &inner.kid())).expect("for the inner");
    assert_eq!(sender, None);
    is_response(&me, &forwarded(&next, &me.did));
}

async fn an_endpoint_that_is_a_did_is_its_mediators(suite: &Suite) {
    let mediator = Peer::start().await;
    let me = Identity::with_service(&json!({"t": "dm", "s": {"uri": mediator.me.did}}));
    ask(suite, &me).await;
    let received = mediator.listener.next().await;
    is_response(&me, &forwarded(&received.message, &me.did));
}

async fn an_endpoint_may_have_any_shape(suite: &Suite) {
    let listener = Listener::sealed().await;
    let url = &listener.url;
    for endpoint in [
        json!(url),
        json!({"uri": url}),
        json!([{"uri": url, "a": ["didcomm/v2"]}, {"uri": "http://127.0.0.1:1"}]),
    ] {
        for (kind, member) in [("t", "s"), ("type", "serviceEndpoint")] {
            let mut service = json!({});
            service[kind] = json!(if kind == "t" { "dm" } else { "DIDCommMessaging" });
            service[member] = endpoint.clone();
            let me = Identity::with_service(&service);
            ask(suite, &me).await;
            is_response(&me, listener.next().await.message.to_string().as_bytes());
        }
    }
}
