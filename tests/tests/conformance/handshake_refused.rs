//! What a handshake must refuse (RFC 0023): nothing of it moves a state.

use entente_did::PublicKey;
use entente_rpc::proto::connection::v1::{
    AbandonCause, CreateInvitationRequest, DeleteInvitationRequest, Exchange, ExchangeState,
    RevokeInvitationRequest,
};
use entente_tests::peer::{
    Key, attach, attach_signed, kind, message, request, resolve, response, thread,
};
use entente_tests::suite::{eventually, seconds};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

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
    a_response_with_a_wrong_proof_is_reported_and_the_right_one_taken,
    a_response_in_another_thread_is_refused,
    a_response_of_a_third_party_is_refused,
    an_anonymous_response_is_refused,
    a_second_response_changes_nothing,
    a_second_complete_changes_nothing,
    a_complete_of_another_peer_changes_nothing,
    a_problem_report_of_either_shape_ends_a_handshake,
    a_problem_report_of_a_third_party_ends_nothing,
    a_warning_ends_nothing,
    a_handshake_that_was_abandoned_stays_so,
    a_done_handshake_is_not_ended_by_a_report,
);

async fn exchange_of(suite: &Suite, invitation_id: &str) -> Exchange {
    let mut found = suite.all_exchanges().await;
    found.retain(|exchange| exchange.invitation_id == invitation_id);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// A problem report that has its code in both shapes.
fn code(report: &Value) -> &str {
    assert!(kind(report).ends_with("/problem_report"), "{report}");
    assert_eq!(report["problem-code"], report["description"]["code"], "{report}");
    report["problem-code"].as_str().unwrap()
}

async fn a_request_without_parent_thread_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let mut request = request("1.1", &invitation.id, &peer.did);
    request["~thread"].as_object_mut().unwrap().remove("pthid");
    peer.request(&invitation, &request).await;
    assert_eq!(exchange_of(suite, &invitation.id).await.state(), ExchangeState::Invitation);
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
    assert_eq!(exchange_of(suite, &invitation.id).await.state(), ExchangeState::Invitation);
    peer.join_by(suite, &invitation).await;
}

async fn a_request_with_an_unknown_did_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    for did in ["did:example:1234", "WgWxqztrNooG92RXvxSTWv", "did:sov:WgWxqztrNooG92RXvxSTWv"] {
        peer.request(&invitation, &request("1.1", &invitation.id, did)).await;
    }
    assert_eq!(exchange_of(suite, &invitation.id).await.state(), ExchangeState::Invitation);
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
    assert_eq!(exchange_of(suite, &two.id).await.state(), ExchangeState::Invitation);
}

async fn a_second_request_for_a_single_use_invitation_is_reported(suite: &Suite) {
    let (first, second) = (Peer::start().await, Peer::start().await);
    let invitation = suite.invite().await;
    first.join_by(suite, &invitation).await;
    refused(&second, &invitation, &invitation.id).await;
    exchange_of(suite, &invitation.id).await;
}

async fn refused(
    peer: &Peer,
    by: &entente_rpc::proto::connection::v1::Invitation,
    invitation_id: &str,
) {
    let request = request("1.1", invitation_id, &peer.did);
    peer.request(by, &request).await;
    let report = peer.listener.next().await.message;
    assert_eq!(kind(&report), "didexchange/1.1/problem_report");
    assert_eq!(code(&report), "request_not_accepted");
    assert_eq!(thread(&report), request["@id"]);
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
    assert_eq!(exchange_of(suite, &invitation.id).await.state(), ExchangeState::Invitation);
}

/// An agent that sent its request to the peer.
struct Requested {
    request: Value,
    key: PublicKey,
    url: String,
    invitation_id: String,
}

impl Requested {
    async fn of(suite: &Suite, peer: &Peer) -> Self {
        let invitation = peer.invitation(json!({}));
        suite.receive(&invitation).await;
        let request = peer.listener.next().await.message;
        let (key, url) = resolve(request["did"].as_str().unwrap());
        let invitation_id = invitation["@id"].as_str().unwrap().to_owned();
        Self { request, key, url, invitation_id }
    }

    async fn send(&self, from: &Peer, message: &Value) {
        from.post_envelope(&self.url, from.key.pack(message, &self.key)).await;
    }

    async fn state(&self, suite: &Suite) -> ExchangeState {
        exchange_of(suite, &self.invitation_id).await.state()
    }
}

async fn a_response_with_a_wrong_proof_is_reported_and_the_right_one_taken(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let requested = Requested::of(suite, &peer).await;
    let good = response(&requested.request, &peer.did, &peer.key);
    let with = |field: &str, value: Value| {
        let mut answer = good.clone();
        answer["@id"] = json!(uuid::Uuid::new_v4().to_string());
        answer[field] = value;
        answer
    };
    let mut tampered = good["did_rotate~attach"].clone();
    tampered["data"]["base64"] = json!("ZGlkOnBlZXI6Mi5vdGhlcg");
    let mut unsigned = good["did_rotate~attach"].clone();
    unsigned["data"].as_object_mut().unwrap().remove("jws");
    let another = entente_did::create::v1_peer2(&peer.key.public, "http://127.0.0.1:9", &[]);
    let mut unproven = with("did", json!(another.unwrap().as_str()));
    unproven.as_object_mut().unwrap().remove("did_rotate~attach");
    let (legacy, document) = entente_did::create::legacy(&peer.key.public, &peer.listener.url, &[]);
    let mut foreign_document = with("did", json!(legacy.as_str()));
    foreign_document.as_object_mut().unwrap().remove("did_rotate~attach");
    foreign_document["did_doc~attach"] =
        attach_signed("application/json", document.to_string().as_bytes(), &other.key);
    for (what, answer) in [
        (
            "wrong signer",
            with(
                "did_rotate~attach",
                attach_signed("text/string", peer.did.as_bytes(), &other.key),
            ),
        ),
        ("tampered", with("did_rotate~attach", tampered)),
        ("unsigned", with("did_rotate~attach", unsigned)),
        (
            "another DID",
            with(
                "did_rotate~attach",
                attach_signed("text/string", other.did.as_bytes(), &peer.key),
            ),
        ),
        ("no list", with("did_rotate~attach", json!("signed"))),
        ("neither document nor rotation", unproven),
        ("document by another", foreign_document),
    ] {
        requested.send(&peer, &answer).await;
        let report = peer.listener.next().await.message;
        assert_eq!(code(&report), "response_not_accepted", "{what}: {report}");
        assert_eq!(thread(&report), requested.request["@id"], "{what}");
        assert_eq!(requested.state(suite).await, ExchangeState::Request, "{what}");
    }
    requested.send(&peer, &good).await;
    assert_eq!(kind(&peer.listener.next().await.message), "didexchange/1.1/complete");
    assert_eq!(requested.state(suite).await, ExchangeState::Done);
}

async fn a_response_in_another_thread_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let mut answer = response(&requested.request, &peer.did, &peer.key);
    answer["~thread"]["thid"] = json!(uuid::Uuid::new_v4().to_string());
    requested.send(&peer, &answer).await;
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
}

async fn a_response_of_a_third_party_is_refused(suite: &Suite) {
    let (peer, thief) = (Peer::start().await, Peer::start().await);
    let requested = Requested::of(suite, &peer).await;
    // The thief presents its own DID, and replays what the inviter signed.
    let mut answer = response(&requested.request, &thief.did, &thief.key);
    requested.send(&thief, &answer).await;
    answer["@id"] = json!(uuid::Uuid::new_v4().to_string());
    answer["did"] = json!(peer.did);
    answer["did_rotate~attach"] = attach_signed("text/string", peer.did.as_bytes(), &peer.key);
    requested.send(&thief, &answer).await;
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
}

async fn an_anonymous_response_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let answer = response(&requested.request, &peer.did, &peer.key);
    let envelope = entente_tests::peer::pack_anonymous(&answer, &requested.key);
    peer.post_envelope(&requested.url, envelope).await;
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
}

async fn a_second_response_changes_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let before = exchange_of(suite, &agent.invitation_id).await;
    let mut again = message("didexchange/1.1/response", json!({"did": "did:example:evil"}));
    again["~thread"] = json!({"thid": agent.thread_id, "pthid": agent.invitation_id});
    peer.send(&agent, &again).await;
    assert_eq!(exchange_of(suite, &agent.invitation_id).await, before);
}

async fn a_second_complete_changes_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let agent = peer.join_by(suite, &invitation).await;
    let before = exchange_of(suite, &invitation.id).await;
    let thread = json!({"~thread": {"thid": agent.thread_id, "pthid": invitation.id}});
    let again = message("didexchange/1.1/complete", thread);
    let report = peer.ask(&agent, &again).await.message;
    assert!(kind(&report).contains("problem"), "{report}");
    assert_eq!(exchange_of(suite, &invitation.id).await, before);
}

async fn a_complete_of_another_peer_changes_nothing(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let theirs = other.join(suite).await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let complete = message(
        "didexchange/1.1/complete",
        json!({"~thread": {"thid": thread(&response), "pthid": invitation.id}}),
    );
    let (key, url) = resolve(response["did"].as_str().unwrap());
    other.post_envelope(&url, other.key.pack(&complete, &key)).await;
    other.send(&theirs, &complete).await;
    assert_eq!(exchange_of(suite, &invitation.id).await.state(), ExchangeState::Response);
}

fn reports(thid: &Value, pthid: &str) -> [Value; 3] {
    let thread = json!({"thid": thid, "pthid": pthid});
    [
        message(
            "didexchange/1.1/problem_report",
            json!({"~thread": thread, "problem-code": "request_not_accepted", "explain": "no"}),
        ),
        message(
            "didexchange/1.1/problem_report",
            json!({"~thread": thread, "description": {"code": "request_not_accepted", "en": "no"}}),
        ),
        message(
            "report-problem/1.0/problem-report",
            json!({"~thread": thread, "description": {"code": "made-up"}}),
        ),
    ]
}

async fn a_problem_report_of_either_shape_ends_a_handshake(suite: &Suite) {
    for index in 0..3 {
        let peer = Peer::start().await;
        let requested = Requested::of(suite, &peer).await;
        let [report] =
            [reports(&requested.request["@id"], &requested.invitation_id)[index].clone()];
        requested.send(&peer, &report).await;
        let exchange = exchange_of(suite, &requested.invitation_id).await;
        assert_eq!(exchange.state(), ExchangeState::Abandoned, "{report}");
        assert_eq!(exchange.abandon_cause(), AbandonCause::PeerReported, "{report}");
        let code = report["problem-code"].as_str().or(report["description"]["code"].as_str());
        assert!(exchange.error.contains(code.unwrap()), "{}", exchange.error);
    }
}

async fn a_problem_report_of_a_third_party_ends_nothing(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let theirs = other.join(suite).await;
    let requested = Requested::of(suite, &peer).await;
    for report in reports(&requested.request["@id"], &requested.invitation_id) {
        requested.send(&other, &report).await;
        other.send(&theirs, &report).await;
    }
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
}

async fn a_warning_ends_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let thread = json!({"thid": requested.request["@id"], "pthid": requested.invitation_id});
    let warning = message(
        "report-problem/1.0/problem-report",
        json!({"~thread": thread, "description": {"code": "w.made.up"}}),
    );
    requested.send(&peer, &warning).await;
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
    peer.respond(suite, &requested.request).await;
}

async fn a_handshake_that_was_abandoned_stays_so(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let report = reports(&requested.request["@id"], &requested.invitation_id)[0].clone();
    requested.send(&peer, &report).await;
    let before = exchange_of(suite, &requested.invitation_id).await;
    requested.send(&peer, &response(&requested.request, &peer.did, &peer.key)).await;
    assert_eq!(exchange_of(suite, &requested.invitation_id).await, before);
}

async fn a_done_handshake_is_not_ended_by_a_report(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for report in reports(&json!(agent.thread_id), &agent.invitation_id) {
        peer.send(&agent, &report).await;
    }
    assert_eq!(exchange_of(suite, &agent.invitation_id).await.state(), ExchangeState::Done);
    peer.hears_nothing(&agent).await;
    // A handshake in which nothing happens is not reported either (RFC 0160: no error for a timeout).
    let waiting = suite
        .invite_with(CreateInvitationRequest { expires_in: Some(seconds(1)), ..Default::default() })
        .await;
    eventually("the waiting handshake is abandoned", async || {
        let exchange = exchange_of(suite, &waiting.id).await;
        (exchange.state() == ExchangeState::Abandoned).then_some(())
    })
    .await;
}
