//! connections/1.0 under attack: late, repeated, forged and out-of-order messages in every state, none of which moves a
//! state back, or to where it has no right to.

use entente_rpc::proto::connection::v1::{
    AbandonCause, CreateInvitationRequest, ExchangeState, Invitation, InvitationFormat,
};
use entente_tests::peer::{
    Connected, Key, connection, connection_request, connection_response, kind, message,
    sign_connection, thread,
};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_response_that_the_invitations_key_did_not_sign_is_reported_and_the_right_one_taken,
    a_request_that_is_refused_may_be_corrected,
    a_message_that_could_not_be_processed_is_sent_again_as_it_was,
    not_accepted_ends_a_handshake,
    nothing_moves_an_inviter_that_waits_for_a_request,
    nothing_but_the_invitee_moves_an_inviter_that_has_responded,
    nothing_but_the_inviter_moves_an_invitee_that_has_asked,
    nothing_moves_what_is_done,
    nothing_moves_what_is_abandoned,
);

async fn invite(suite: &Suite) -> Invitation {
    let format = InvitationFormat::Connections1.into();
    suite.invite_with(CreateInvitationRequest { format, ..Default::default() }).await
}

fn report(code: &str, thid: &Value) -> Value {
    message(
        "connections/1.0/problem_report",
        json!({"problem-code": code, "explain": "because", "~thread": {"thid": thid}}),
    )
}

/// All that there is, in this thread: what a confused or hostile agent may send at any time.
fn everything(peer: &Peer, thid: &Value, pthid: &str) -> Vec<Value> {
    let asked = json!({"@id": thid});
    let in_thread = |kind: &str| message(kind, json!({"~thread": {"thid": thid, "pthid": pthid}}));
    let mut request = connection_request(pthid, &peer.connection());
    request["~thread"]["thid"] = thid.clone();
    vec![
        request,
        connection_response(&asked, &peer.connection(), &peer.key),
        connection_response(&asked, &peer.connection(), &Key::random()),
        in_thread("connections/1.0/response"),
        in_thread("connections/1.0/made-up"),
        in_thread("connections/2.0/request"),
        in_thread("didexchange/1.1/complete"),
        in_thread("didexchange/1.1/response"),
        report("request_not_accepted", thid),
        report("request_processing_error", thid),
        report("response_not_accepted", thid),
        report("response_processing_error", thid),
    ]
}

async fn a_response_that_the_invitations_key_did_not_sign_is_reported_and_the_right_one_taken(
    suite: &Suite,
) {
    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let id = invitation["@id"].as_str().unwrap();
    let (request, agent) = peer.requested(suite, &invitation).await;
    let good = connection_response(&request, &peer.connection(), &peer.key);
    let with = |signed: Value| {
        let mut changed = good.clone();
        changed["@id"] = uuid::Uuid::new_v4().to_string().into();
        changed["connection~sig"] = signed;
        changed
    };
    let other = Key::random();
    let mut tampered = good["connection~sig"].clone();
    let theirs = connection(&other, &peer.listener.url);
    tampered["sig_data"] = sign_connection(&theirs, &peer.key)["sig_data"].clone();
    let mut claimed = sign_connection(&peer.connection(), &other);
    claimed["signer"] = good["connection~sig"]["signer"].clone();
    let mut plain = with(Value::Null);
    plain["connection"] = peer.connection();
    for (what, answer) in [
        ("another signer", with(sign_connection(&peer.connection(), &other))),
        ("a changed content", with(tampered)),
        ("a claimed signer", with(claimed)),
        ("no signature", plain),
    ] {
        let report = peer.ask(&agent, &answer).await.message;
        assert_eq!(kind(&report), "connections/1.0/problem_report", "{what}: {report}");
        assert_eq!(report["problem-code"], "response_not_accepted", "{what}: {report}");
        assert_eq!(thread(&report), request["@id"], "{what}");
        assert_eq!(suite.exchange_of(id).await.state(), ExchangeState::Request, "{what}");
    }
    let ping = peer.ask(&agent, &good).await.message;
    assert_eq!(kind(&ping), "trust_ping/1.0/ping", "{ping}");
    assert_eq!(suite.exchange_of(id).await.state(), ExchangeState::Done);
}

async fn a_request_that_is_refused_may_be_corrected(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let wrong = connection_request("another-invitation", &peer.connection());
    peer.request(&invitation, &wrong).await;
    let report = peer.listener.next().await.message;
    assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
    assert_eq!(thread(&report), wrong["@id"]);
    peer.join_connection(suite, &invitation).await;
}

async fn a_message_that_could_not_be_processed_is_sent_again_as_it_was(suite: &Suite) {
    // The request of an invitee.
    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &invitation).await;
    let again = peer.ask(&agent, &report("request_processing_error", &request["@id"])).await;
    assert_eq!(again.message, request);
    peer.ask(&agent, &connection_response(&request, &peer.connection(), &peer.key)).await;
    let id = invitation["@id"].as_str().unwrap();
    assert_eq!(suite.exchange_of(id).await.state(), ExchangeState::Done);
    // The response of an inviter, but not for ever.
    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let agent = peer.ask_connection(&invitation).await;
    let thid = json!(agent.thread_id);
    let again = peer.ask(&agent, &report("response_processing_error", &thid)).await.message;
    assert_eq!(kind(&again), "connections/1.0/response");
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Response);
    peer.send(&agent, &report("response_processing_error", &thid)).await;
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Abandoned);
}

async fn not_accepted_ends_a_handshake(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &invitation).await;
    peer.send(&agent, &report("request_not_accepted", &request["@id"])).await;
    let ended = suite.exchange_of(invitation["@id"].as_str().unwrap()).await;
    assert_eq!(ended.abandon_cause(), AbandonCause::PeerReported);
    assert!(ended.error.contains("request_not_accepted"), "{}", ended.error);

    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let agent = peer.ask_connection(&invitation).await;
    peer.send(&agent, &report("response_not_accepted", &json!(agent.thread_id))).await;
    let ended = suite.exchange_of(&invitation.id).await;
    assert_eq!(ended.abandon_cause(), AbandonCause::PeerReported);
}

async fn nothing_moves_an_inviter_that_waits_for_a_request(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let before = suite.settled_exchange_of(&invitation.id).await;
    for attack in everything(&peer, &json!("thread-0001"), &invitation.id).iter().skip(1) {
        peer.request(&invitation, attack).await;
        assert_eq!(suite.settled_exchange_of(&invitation.id).await, before, "{attack}");
    }
    peer.join_connection(suite, &invitation).await;
}

/// What anybody but the peer sends is nothing. (What the peer sends completes, or ends it.)
async fn nothing_but_the_invitee_moves_an_inviter_that_has_responded(suite: &Suite) {
    let (peer, stranger, friend) = (Peer::start().await, Peer::start().await, Peer::start().await);
    let invitation = invite(suite).await;
    let agent = peer.ask_connection(&invitation).await;
    let theirs = friend.join(suite).await;
    let before = suite.settled_exchange_of(&invitation.id).await;
    assert_eq!(before.state(), ExchangeState::Response);
    for attack in everything(&stranger, &json!(agent.thread_id), &invitation.id) {
        stranger.post_envelope(&agent.url, stranger.key.pack(&attack, &agent.key)).await;
        friend.post_envelope(&agent.url, friend.key.pack(&attack, &agent.key)).await;
        friend.send(&theirs, &attack).await;
        let anonymous = entente_tests::peer::pack_anonymous(&attack, &agent.key);
        peer.post_envelope(&agent.url, anonymous).await;
        assert_eq!(suite.settled_exchange_of(&invitation.id).await, before, "{attack}");
    }
}

async fn nothing_but_the_inviter_moves_an_invitee_that_has_asked(suite: &Suite) {
    let (peer, stranger, friend) = (Peer::start().await, Peer::start().await, Peer::start().await);
    let invitation = peer.connections_invitation();
    let id = invitation["@id"].as_str().unwrap();
    let (request, agent) = peer.requested(suite, &invitation).await;
    let theirs = friend.join(suite).await;
    let before = suite.settled_exchange_of(id).await;
    for attack in everything(&stranger, &request["@id"], id) {
        stranger.post_envelope(&agent.url, stranger.key.pack(&attack, &agent.key)).await;
        friend.post_envelope(&agent.url, friend.key.pack(&attack, &agent.key)).await;
        friend.send(&theirs, &attack).await;
        let now = suite.exchange_of(id).await;
        assert_eq!((now.state(), now.version), (before.state(), before.version), "{attack}");
    }
    // Another thread is not this one, whoever signs.
    let elsewhere =
        connection_response(&json!({"@id": "thread-0002"}), &peer.connection(), &peer.key);
    peer.send(&agent, &elsewhere).await;
    assert_eq!(suite.exchange_of(id).await.state(), ExchangeState::Request);
    let good = connection_response(&request, &peer.connection(), &peer.key);
    peer.send(&agent, &good).await;
    assert_eq!(suite.exchange_of(id).await.state(), ExchangeState::Done);
}

async fn attack_what_ended(suite: &Suite, peer: &Peer, agent: &Connected, id: &str) {
    let before = suite.settled_exchange_of(id).await;
    assert!([ExchangeState::Done, ExchangeState::Abandoned].contains(&before.state()));
    for attack in everything(peer, &json!(agent.thread_id), id) {
        // Again with the same id, and again.
        for _ in 0..2 {
            peer.send(agent, &attack).await;
        }
        assert_eq!(suite.settled_exchange_of(id).await, before, "{attack}");
    }
}

async fn nothing_moves_what_is_done(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let agent = peer.join_connection(suite, &invitation).await;
    attack_what_ended(suite, &peer, &agent, &invitation.id).await;

    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &invitation).await;
    peer.ask(&agent, &connection_response(&request, &peer.connection(), &peer.key)).await;
    attack_what_ended(suite, &peer, &agent, invitation["@id"].as_str().unwrap()).await;
}

async fn nothing_moves_what_is_abandoned(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = invite(suite).await;
    let agent = peer.ask_connection(&invitation).await;
    peer.send(&agent, &report("response_not_accepted", &json!(agent.thread_id))).await;
    attack_what_ended(suite, &peer, &agent, &invitation.id).await;

    let peer = Peer::start().await;
    let invitation = peer.connections_invitation();
    let (request, agent) = peer.requested(suite, &invitation).await;
    peer.send(&agent, &report("request_not_accepted", &request["@id"])).await;
    attack_what_ended(suite, &peer, &agent, invitation["@id"].as_str().unwrap()).await;
}
