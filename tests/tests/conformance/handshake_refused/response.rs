//! Responses.

use entente_rpc::proto::connection::v1::ExchangeState;
use entente_tests::peer::{attach_signed, kind, message, response, thread};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

use super::{Requested, code};

checks!(
    a_response_with_a_wrong_proof_is_reported_and_the_right_one_taken,
    a_response_in_another_thread_is_refused,
    a_response_of_a_third_party_is_refused,
    an_anonymous_response_is_refused,
    a_second_response_changes_nothing,
);

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
    let before = suite.settled_exchange_of(&agent.invitation_id).await;
    let mut again = message("didexchange/1.1/response", json!({"did": "did:example:evil"}));
    again["~thread"] = json!({"thid": agent.thread_id, "pthid": agent.invitation_id});
    peer.send(&agent, &again).await;
    assert_eq!(suite.settled_exchange_of(&agent.invitation_id).await, before);
}
