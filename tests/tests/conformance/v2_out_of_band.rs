//! out-of-band/2.0 by a peer that invites: how its invitations are read, answered, and answered on the existing pair.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, Acceptance, ReuseOutcome};
use entente_tests::Suite;
use entente_tests::peer::v2::{Peer, REQUEST, RESPONSE, endpoint, message};
use serde_json::{Value, json};

checks!(
    a_url_is_read_in_any_alphabet_of_base64,
    a_short_url_leads_to_the_invitation,
    a_handshake_keeps_the_invitations_id_as_it_was_written,
    a_known_inviter_is_answered_on_the_existing_pair,
    an_invitation_for_another_version_is_refused,
    an_invitation_from_nobody_is_refused,
    an_invitation_that_expired_is_refused,
);

fn invitation(peer: &Peer, headers: Value) -> Value {
    let fields = json!({
        "from": peer.me.did,
        "body": {"goal_code": "connect", "goal": "to try it ÿ", "accept": ["didcomm/v2"]},
    });
    let mut made = message("https://didcomm.org/out-of-band/2.0/invitation", fields);
    let Value::Object(headers) = headers else { panic!("headers are an object") };
    made.as_object_mut().unwrap().extend(headers);
    made
}

fn url(invitation: &Value) -> String {
    let encoded = URL_SAFE_NO_PAD.encode(invitation.to_string());
    format!("https://inviter.example/path?lang=de&_oob={encoded}")
}

async fn accept(suite: &Suite, url: &str) -> Result<Acceptance, entente_rpc::Status> {
    let request = AcceptInvitationRequest { invitation: url.to_owned(), ..Default::default() };
    suite.accept_with(request).await
}

/// The request that comes of an invitation, answered; our DID in the connection.
async fn respond(suite: &Suite, peer: &Peer, invitation: &Value) -> String {
    let request = peer.listener.next().await.message;
    assert_eq!(request["type"], REQUEST, "{request}");
    assert_eq!((&request["thid"], &request["pthid"]), (&invitation["id"], &invitation["id"]));
    assert_eq!(request["to"], json!([peer.me.did]));
    let did = request["from"].as_str().expect("`from`").to_owned();
    let thread = json!({"thid": request["thid"], "pthid": request["thid"]});
    let response = peer.me.message(RESPONSE, &did, thread);
    let answer = peer.post(&endpoint(&did), peer.me.pack(&response, &did)).await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    suite.connection_with(&peer.me.did).await;
    did
}

async fn a_url_is_read_in_any_alphabet_of_base64(suite: &Suite) {
    for alphabet in [URL_SAFE_NO_PAD, URL_SAFE, STANDARD] {
        let peer = Peer::start().await;
        let made = invitation(&peer, json!({}));
        let mut url = reqwest::Url::parse("https://inviter.example/").unwrap();
        url.query_pairs_mut().append_pair("_oob", &alphabet.encode(made.to_string()));
        let acceptance = accept(suite, url.as_str()).await.unwrap();
        assert_eq!(acceptance.invitation_url, url.as_str());
        respond(suite, &peer, &made).await;
    }
}

async fn a_short_url_leads_to_the_invitation(suite: &Suite) {
    for (path, status) in [("/moved", 302), ("/here", 200)] {
        let peer = Peer::start().await;
        let made = invitation(&peer, json!({}));
        let answer = if status == 200 { made.to_string() } else { url(&made) };
        let host = super::out_of_band::host(HashMap::from([(path, (status, answer))])).await;
        accept(suite, &format!("{host}{path}?_oobid=5f0e3ffb")).await.unwrap();
        respond(suite, &peer, &made).await;
    }
}

async fn a_handshake_keeps_the_invitations_id_as_it_was_written(suite: &Suite) {
    let peer = Peer::start().await;
    let made = invitation(&peer, json!({"id": "An-Id-With-CAPITALS-0123"}));
    accept(suite, &url(&made)).await.unwrap();
    respond(suite, &peer, &made).await;
}

async fn a_known_inviter_is_answered_on_the_existing_pair(suite: &Suite) {
    let peer = Peer::start().await;
    let first = invitation(&peer, json!({}));
    accept(suite, &url(&first)).await.unwrap();
    let did = respond(suite, &peer, &first).await;
    let second = invitation(&peer, json!({}));
    let acceptance = accept(suite, &url(&second)).await.unwrap();
    assert_eq!(acceptance.decision.unwrap().outcome(), ReuseOutcome::Reused);
    let answer = peer.listener.next().await.message;
    assert_ne!(answer["type"], REQUEST, "{answer}");
    assert_eq!((&answer["from"], &answer["pthid"]), (&json!(did), &second["id"]), "{answer}");
    let with_it = suite.all_connections().await.into_iter().filter(|c| c.their_did == peer.me.did);
    assert_eq!(with_it.count(), 1);
}

async fn an_invitation_for_another_version_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    for profile in ["didcomm/aip1", "didcomm/aip2;env=rfc19", "didcomm/v9"] {
        let made = invitation(&peer, json!({"body": {"accept": [profile]}}));
        accept(suite, &url(&made)).await.unwrap_err();
    }
    // Who says nothing takes all.
    let made = invitation(&peer, json!({"body": {}}));
    accept(suite, &url(&made)).await.unwrap();
    respond(suite, &peer, &made).await;
}

async fn an_invitation_from_nobody_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    for from in [json!(null), json!(""), json!("nobody"), json!(7)] {
        let made = invitation(&peer, json!({"from": from}));
        accept(suite, &url(&made)).await.unwrap_err();
    }
}

async fn an_invitation_that_expired_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let made = invitation(&peer, json!({"expires_time": 1_600_000_000}));
    accept(suite, &url(&made)).await.unwrap_err();
    let made = invitation(&peer, json!({"expires_time": 4_000_000_000_i64}));
    accept(suite, &url(&made)).await.unwrap();
    respond(suite, &peer, &made).await;
}
