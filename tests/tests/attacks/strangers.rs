//! What somebody learns who only asks.

use entente_did::PublicKey;
use entente_didcomm::envelope::v1;
use entente_didcomm::primitives::{Ed25519Secret, StaticKey, X25519Secret};
use entente_tests::peer::v2::{Identity, PING};
use entente_tests::peer::{Key, connection_request, message, v2};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::{Scene, ended};

checks!(
    known_and_unknown_recipients_are_answered_alike,
    known_and_unknown_senders_are_answered_alike,
    what_has_no_effect_is_answered_at_fixed_moments,
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

/// What a stranger knows of a sender: its public key.
struct Liar {
    named: PublicKey,
    secret: Ed25519Secret,
}

impl StaticKey for Liar {
    fn public(&self) -> PublicKey {
        self.named
    }

    fn agreement(&self) -> &X25519Secret {
        StaticKey::agreement(&self.secret)
    }
}

/// Held back, an answer comes a multiple of a fixed time after its message: how far the agent got with it does not show. No
/// clock is read here: it is counted which answers are held back.
async fn what_has_no_effect_is_answered_at_fixed_moments(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let silent = || message("trust_ping/1.0/ping", json!({"response_requested": false}));
    let held_back = async || suite.metric("entente_gateway_inbound_held_back_total").await;
    let in_name_of = |named: PublicKey| {
        let liar = Liar { named, secret: Key::random().secret() };
        let ping = silent().to_string();
        v1::pack_authcrypt(ping.as_bytes(), &liar, &[agent.key], &mut rand::rng()).unwrap()
    };
    let (stranger, nobody) = (Key::random(), Key::random());
    let mut broken: Value = serde_json::from_slice(&stranger.pack(&silent(), &agent.key)).unwrap();
    broken["tag"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    let peer = v2::Peer::start().await;
    let of_v2 = peer.join(suite).await;
    let someone = Identity::nowhere();
    let ping = |to: &str| someone.pack(&someone.message(PING, to, json!({})), to);
    let posts = [
        ("unknown recipient", stranger.pack(&silent(), &nobody.public)),
        ("wrong tag", broken.to_string().into_bytes()),
        ("of a stranger", stranger.pack(&silent(), &agent.key)),
        ("in a friend's name", in_name_of(friend.key.public)),
        ("in a stranger's name", in_name_of(Key::random().public)),
        ("of v2, unknown recipient", ping(&Identity::at(&agent.url).did)),
        ("of v2, of a stranger", ping(&of_v2.did)),
    ];
    let socket_url = agent.url.replace("http", "ws");
    let (mut socket, _) = tokio_tungstenite::connect_async(&socket_url).await.unwrap();
    for (what, envelope) in posts {
        let before = held_back().await;
        seen(suite, &agent.url, envelope.clone()).await;
        assert_eq!(held_back().await, before + 1.0, "{what}");
        socket.send(Frame::binary(envelope)).await.unwrap();
        let held = async || (held_back().await > before + 1.0).then_some(());
        eventually(&format!("{what}, over a WebSocket"), held).await;
    }
    // What had its effect is not.
    let (before, handled) = (held_back().await, ended(suite, "handled").await);
    friend.post_envelope(&agent.url, friend.key.pack(&silent(), &agent.key)).await;
    assert_eq!((held_back().await, ended(suite, "handled").await), (before, handled + 1.0));
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
