//! What somebody learns who only asks.

use entente_tests::peer::v2::{Identity, PING};
use entente_tests::peer::{Key, connection_request, message, v2};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

use crate::{Scene, ended};

checks!(
    known_and_unknown_recipients_are_answered_alike,
    known_and_unknown_senders_are_answered_alike,
    a_thread_of_another_connection_is_nobodys,
    a_rotation_is_good_for_who_was_told,
);

/// Everything of an answer that its sender can see, but for the time.
async fn seen(
    suite: &Suite,
    url: &str,
    envelope: Vec<u8>,
) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let post = suite.http.post(url).header("content-type", "application/json").body(envelope);
    let answer = post.send().await.unwrap();
    let headers =
        answer.headers().iter().filter(|(name, _)| *name != "date" && *name != "x-request-id");
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status().as_u16(), headers, answer.bytes().await.unwrap().to_vec())
}

async fn known_and_unknown_recipients_are_answered_alike(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (stranger, nobody) = (Key::random(), Key::random());
    let silent = message("trust_ping/1.0/ping", json!({"response_requested": false}));
    let url = &scene.agent.url;
    let known = seen(suite, url, stranger.pack(&silent, &scene.agent.key)).await;
    assert_eq!(known, seen(suite, url, stranger.pack(&silent, &nobody.public)).await);
    // Nor does it tell whether the envelope was good.
    let mut broken: Value =
        serde_json::from_slice(&stranger.pack(&silent, &scene.agent.key)).unwrap();
    broken["tag"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(known, seen(suite, url, broken.to_string().into_bytes()).await);

    let peer = v2::Peer::start().await;
    let agent = peer.join(suite).await;
    let (stranger, nobody) = (Identity::nowhere(), Identity::at(url));
    let ping = |to: &str| {
        let ping = stranger.message(PING, to, json!({}));
        stranger.pack(&ping, to)
    };
    let known = seen(suite, &agent.url, ping(&agent.did)).await;
    assert_eq!(known, seen(suite, &agent.url, ping(&nobody.did)).await);
    peer.hears_nothing(&agent).await;
}

async fn known_and_unknown_senders_are_answered_alike(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let silent = message("notification/1.0/ack", json!({"status": "OK", "~thread": {"thid": "x"}}));
    let of_friend = seen(suite, &agent.url, friend.key.pack(&silent, &agent.key)).await;
    let silent = message("notification/1.0/ack", json!({"status": "OK", "~thread": {"thid": "x"}}));
    let of_stranger = seen(suite, &agent.url, Key::random().pack(&silent, &agent.key)).await;
    assert_eq!(of_friend, of_stranger);
    scene.is_unharmed(suite).await;
}

/// A message of one connection, threaded into the handshake of another.
async fn a_thread_of_another_connection_is_nobodys(suite: &Suite) {
    let (victim, invitation) = (Peer::start().await, suite.invite().await);
    let request = entente_tests::peer::request("1.1", &invitation.id, &victim.did);
    victim.request(&invitation, &request).await;
    let response = victim.listener.next().await.message;
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let state = suite.settled_exchange_of(&invitation.id).await;
    let thread = json!({"thid": response["~thread"]["thid"], "pthid": invitation.id});
    for kind in [
        "didexchange/1.1/complete",
        "didexchange/1.1/response",
        "didexchange/1.1/request",
        "didexchange/1.1/problem_report",
        "connections/1.0/response",
        "notification/1.0/ack",
        "trust_ping/1.0/ping_response",
        "report-problem/1.0/problem-report",
        "out-of-band/1.1/handshake-reuse-accepted",
    ] {
        let fields = json!({
            "~thread": thread, "did": friend.did, "label": "x", "status": "OK",
            "problem-code": "response_not_accepted", "description": {"code": "response_not_accepted"},
        });
        let attack = message(kind, fields);
        friend.post_envelope(&agent.url, friend.key.pack(&attack, &agent.key)).await;
        assert_eq!(suite.settled_exchange_of(&invitation.id).await, state, "{kind}");
    }
    let of_another = connection_request(&invitation.id, &friend.connection());
    friend.request(&invitation, &of_another).await;
    assert_eq!(suite.settled_exchange_of(&invitation.id).await, state);
    assert_eq!(suite.counts().await[..3], scene.before[..3]);
}

/// The proof of a rotation, taken from one who was told, is shown to another by a thief.
async fn a_rotation_is_good_for_who_was_told(suite: &Suite) {
    let peer = v2::Peer::start().await;
    let agent = peer.join(suite).await;
    let scene = Scene::of(suite).await;
    let (new, thief) = (Identity::at(&peer.listener.url), Identity::at("http://127.0.0.1:1"));
    let proof = peer.me.from_prior(&new.did);
    let before = ended(suite, "handled").await;
    // In a message of the thief's own; in the name of the new DID; and as the end of it all, in nobody's name.
    let own = thief.message(PING, &agent.did, json!({"from_prior": proof}));
    peer.refused(&agent, thief.pack(&own, &agent.did)).await;
    let borrowed = new.message(PING, &agent.did, json!({"from_prior": proof}));
    peer.refused(&agent, thief.pack(&borrowed, &agent.did)).await;
    peer.refused(&agent, v2::pack_anonymous(&borrowed, &agent.did)).await;
    let mut end = v2::message("https://didcomm.org/empty/1.0/empty", json!({"from_prior": proof}));
    end["to"] = json!([agent.did]);
    peer.refused(&agent, v2::pack_anonymous(&end, &agent.did)).await;
    assert_eq!(ended(suite, "handled").await, before);
    assert_eq!(suite.connection_with(&peer.me.did).await.id, agent.id);
    scene.is_unharmed(suite).await;
    peer.hears_nothing(&agent).await;
}
