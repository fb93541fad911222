//! Requests.

use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DeleteInvitationRequest, ExchangeState, Invitation,
    RevokeInvitationRequest,
};
use entente_tests::peer::{Key, attach, attach_signed, kind, request, thread};
use entente_tests::{Peer, Suite};
use serde_json::json;

use super::code;

checks!(
    a_request_without_parent_thread_is_refused,
    a_request_without_did_is_refused,
    a_request_with_an_unknown_did_is_refused,
    a_request_for_an_unknown_invitation_is_reported,
    a_request_for_another_invitations_key_is_refused,
    a_second_request_for_a_single_use_invitation_is_reported,
    a_request_for_a_revoked_invitation_is_reported,
    a_request_for_an_expired_invitation_is_reported,
    a_request_for_a_deleted_invitation_is_reported,
    a_request_with_an_unsigned_document_is_refused,
);

async fn refused(peer: &Peer, by: &Invitation, invitation_id: &str) {
    let request = request("1.1", invitation_id, &peer.did);
    peer.request(by, &request).await;
    let report = peer.listener.next().await.message;
    assert_eq!(kind(&report), "didexchange/1.1/problem_report");
    assert_eq!(code(&report), "request_not_accepted");
    assert_eq!(thread(&report), request["@id"]);
}

async fn a_request_without_parent_thread_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let mut request = request("1.1", &invitation.id, &peer.did);
    request["~thread"].as_object_mut().unwrap().remove("pthid");
    peer.request(&invitation, &request).await;
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Invitation);
    peer.join_by(suite, &invitation).await;
}

async fn a_request_without_did_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    for did in [json!(null), json!(""), json!(7), json!("did:"), json!("did:peer:2.nonsense")] {
        let mut request = request("1.1", &invitation.id, &peer.did);
        request["did"] = did;
        peer.request(&invitation, &request).await;
    }
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Invitation);
    peer.join_by(suite, &invitation).await;
}

async fn a_request_with_an_unknown_did_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    for did in ["did:example:1234", "WgWxqztrNooG92RXvxSTWv", "did:sov:WgWxqztrNooG92RXvxSTWv"] {
        peer.request(&invitation, &request("1.1", &invitation.id, did)).await;
    }
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Invitation);
}

async fn a_request_for_an_unknown_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let request = request("1.1", &uuid::Uuid::new_v4().to_string(), &peer.did);
    peer.request(&invitation, &request).await;
    let report = peer.listener.next().await;
    assert_eq!(code(&report.message), "request_not_accepted");
    assert_eq!(thread(&report.message), request["@id"]);
    assert_eq!(report.message["~thread"]["pthid"], request["~thread"]["pthid"]);
    assert_eq!(report.sender.map(|key| key.multibase()), Some(invitation.key));
}

async fn a_request_for_another_invitations_key_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let unique = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
    let (one, two) = (suite.invite_with(unique.clone()).await, suite.invite_with(unique).await);
    assert_ne!(one.key, two.key);
    peer.request(&one, &request("1.1", &two.id, &peer.did)).await;
    assert_eq!(code(&peer.listener.next().await.message), "request_not_accepted");
    assert_eq!(suite.exchange_of(&two.id).await.state(), ExchangeState::Invitation);
}

async fn a_second_request_for_a_single_use_invitation_is_reported(suite: &Suite) {
    let (first, second) = (Peer::start().await, Peer::start().await);
    let invitation = suite.invite().await;
    first.join_by(suite, &invitation).await;
    refused(&second, &invitation, &invitation.id).await;
    suite.exchange_of(&invitation.id).await;
}

async fn a_request_for_a_revoked_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite_many().await;
    let id = invitation.id.clone();
    suite.invitations().revoke_invitation(RevokeInvitationRequest { id }).await.unwrap();
    refused(&peer, &invitation, &invitation.id).await;
}

async fn a_request_for_an_expired_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let expires_in = Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 });
    let invitation =
        suite.invite_with(CreateInvitationRequest { expires_in, ..Default::default() }).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    refused(&peer, &invitation, &invitation.id).await;
}

async fn a_request_for_a_deleted_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let id = invitation.id.clone();
    suite.invitations().delete_invitation(DeleteInvitationRequest { id }).await.unwrap();
    refused(&peer, &invitation, &invitation.id).await;
}

async fn a_request_with_an_unsigned_document_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let (did, document) = entente_did::create::legacy(&peer.key.public, &peer.listener.url, &[]);
    let document = document.to_string();
    let bytes = document.as_bytes();
    for attachment in [
        attach("application/json", bytes),
        attach_signed("application/json", bytes, &Key::random()),
        attach_signed("application/json", b"{}", &peer.key),
        json!({"data": {"json": {}}}),
        json!("document"),
    ] {
        let mut request = request("1.0", &invitation.id, did.as_str());
        request["did_doc~attach"] = attachment;
        peer.request(&invitation, &request).await;
    }
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Invitation);
}
