//! Short URLs of our own invitations (RFC 0434, "URL Shortening").

use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DeleteInvitationRequest, Invitation, InvitationFormat, InvitationKind,
    PreviewInvitationRequest, RevokeInvitationRequest,
};
use entente_rpc::{ErrorReason, Failure};
use entente_tests::suite::{eventually, seconds};
use entente_tests::{Peer, Suite};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use serde_json::Value;

checks!(
    json_is_given_to_who_asks_for_it,
    others_are_sent_on_to_the_long_url,
    an_agent_takes_a_short_url,
    what_has_ended_is_answered_like_what_never_was,
    a_short_url_needs_an_end,
    an_envelope_is_still_taken_at_a_short_url,
);

async fn shortened(suite: &Suite, kind: InvitationKind, expires_in: i64) -> Invitation {
    let request = CreateInvitationRequest {
        kind: kind.into(),
        expires_in: Some(seconds(expires_in)),
        short_url: true,
        ..Default::default()
    };
    suite.invite_with(request).await
}

/// A GET that follows no redirect.
async fn get(suite: &Suite, url: &str, accept: &str) -> reqwest::Response {
    suite.http.get(url).header("accept", accept).send().await.unwrap()
}

async fn json_is_given_to_who_asks_for_it(suite: &Suite) {
    let invitation = shortened(suite, InvitationKind::SingleUse, 600).await;
    assert!(invitation.short_url.len() < invitation.url.len() / 4, "{}", invitation.short_url);
    let answer = get(suite, &invitation.short_url, "application/json").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
    assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    let given: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(given, serde_json::from_str::<Value>(&invitation.message_json).unwrap());
}

async fn others_are_sent_on_to_the_long_url(suite: &Suite) {
    for format in
        [InvitationFormat::OutOfBand1, InvitationFormat::OutOfBand2, InvitationFormat::Connections1]
    {
        let request = CreateInvitationRequest {
            format: format.into(),
            expires_in: Some(seconds(600)),
            short_url: true,
            ..Default::default()
        };
        let invitation = suite.invite_with(request).await;
        for accept in ["*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"] {
            let answer = get(suite, &invitation.short_url, accept).await;
            assert_eq!(answer.status(), 302, "a permanent redirect would outlive the invitation");
            assert_eq!(answer.headers()[LOCATION], invitation.url.as_str());
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
        }
    }
}

async fn an_agent_takes_a_short_url(suite: &Suite) {
    let invitation = shortened(suite, InvitationKind::MultiUse, 600).await;
    let request =
        PreviewInvitationRequest { invitation: invitation.short_url.clone(), ..Default::default() };
    let preview = suite.invitations().preview_invitation(request).await.unwrap().into_inner();
    assert_eq!(preview.invitation_did, invitation.did);
    // Once more: it is good for as many as the invitation.
    assert_eq!(get(suite, &invitation.short_url, "application/json").await.status(), 200);
}

/// All that an answer tells.
async fn told(suite: &Suite, url: &str, accept: &str) -> (u16, Vec<(String, String)>, String) {
    let answer = get(suite, url, accept).await;
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    (answer.status().as_u16(), headers, answer.text().await.unwrap())
}

async fn what_has_ended_is_answered_like_what_never_was(suite: &Suite) {
    let used = shortened(suite, InvitationKind::SingleUse, 600).await;
    let revoked = shortened(suite, InvitationKind::MultiUse, 600).await;
    let deleted = shortened(suite, InvitationKind::MultiUse, 600).await;
    let expired = shortened(suite, InvitationKind::MultiUse, 1).await;
    for invitation in [&used, &revoked, &deleted] {
        assert_eq!(get(suite, &invitation.short_url, "application/json").await.status(), 200);
    }
    Peer::start().await.join_by(suite, &used).await;
    let id = revoked.id.clone();
    suite.invitations().revoke_invitation(RevokeInvitationRequest { id }).await.unwrap();
    let id = deleted.id.clone();
    suite.invitations().delete_invitation(DeleteInvitationRequest { id }).await.unwrap();
    eventually("the invitation expires", async || {
        (get(suite, &expired.short_url, "*/*").await.status() == 404).then_some(())
    })
    .await;
    let (endpoint, _) = used.short_url.rsplit_once('/').unwrap();
    let unknown = format!("{endpoint}/{}", "0123456789abcdef".repeat(2));
    for accept in ["application/json", "text/html", "*/*"] {
        let expected = told(suite, &unknown, accept).await;
        assert_eq!(expected.0, 404);
        for ended in [&used, &revoked, &deleted, &expired] {
            assert_eq!(told(suite, &ended.short_url, accept).await, expected);
        }
    }
}

async fn a_short_url_needs_an_end(suite: &Suite) {
    let request = CreateInvitationRequest { short_url: true, ..Default::default() };
    let failure = Failure::of(&suite.invitations().create_invitation(request).await.unwrap_err());
    assert_eq!(failure.reason, ErrorReason::InvalidField, "{failure:?}");
    assert_eq!(failure.violations[0].0, "short_url");
}

async fn an_envelope_is_still_taken_at_a_short_url(suite: &Suite) {
    let (peer, invitation) = (Peer::start().await, suite.invite().await);
    let connected = peer.join_by(suite, &invitation).await;
    let short = shortened(suite, InvitationKind::SingleUse, 600).await.short_url;
    let ping = entente_tests::peer::message("trust_ping/1.0/ping", serde_json::json!({}));
    let envelope = peer.key.pack(&ping, &connected.key);
    assert_eq!(peer.post_envelope(&short, envelope).await.status, 202);
    assert_eq!(entente_tests::peer::thread(&peer.listener.next().await.message), ping["@id"]);
}
