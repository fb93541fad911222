//! JSON that is made to be expensive, or to be read in two ways, within envelopes that are right.

use entente_tests::Suite;
use entente_tests::peer::v2;
use serde_json::json;

use crate::{Scene, ended};

checks!(v1_messages_are_read_in_one_way, v2_messages_are_read_in_one_way);

/// Texts with members of either version, which the first argument is.
fn texts(head: &str, id: &str, thread: impl Fn(&str) -> String) -> Vec<(&'static str, Vec<u8>)> {
    let with = |members: &str| format!("{{{head},{id}:\"an-id-0001\",{members}}}").into_bytes();
    let deep =
        |open: &str, close: &str| format!("\"x\":{}1{}", open.repeat(50_000), close.repeat(50_000));
    vec![
        ("arrays in arrays", with(&deep("[", "]"))),
        ("objects in objects", with(&deep("{\"a\":", "}"))),
        ("arrays that do not end", with(&"\"x\":[".repeat(10_000))),
        ("an exponent", with("\"x\":1e400")),
        ("digits", with(&format!("\"x\":{}", "9".repeat(100_000)))),
        ("a name twice", with("\"x\":1,\"x\":2")),
        ("a name twice within", with("\"x\":{\"y\":1,\"y\":2}")),
        ("the id twice", with(&format!("{id}:\"an-id-0002\""))),
        ("the type twice", with(head)),
        ("half a character", with("\"x\":\"\\ud800\"")),
        ("bytes that are no text", [with("\"x\":\"").as_slice(), &[0xff, 0xfe]].concat()),
        ("a long id", format!("{{{head},{id}:\"{}\"}}", "i".repeat(300)).into_bytes()),
        ("a long thread", with(&thread(&"t".repeat(300)))),
        ("both versions", with("\"@type\":\"a/b/1.0/c\",\"type\":\"a/b/1.0/c\"")),
        ("something after it", [with("\"x\":1").as_slice(), b"{}"].concat()),
        ("a comment", with("/* */\"x\":1")),
        ("a number for an id", format!("{{{head},{id}:7}}").into_bytes()),
    ]
}

async fn v1_messages_are_read_in_one_way(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let head = "\"@type\":\"https://didcomm.org/trust_ping/1.0/ping\"";
    let thread = |thid: &str| format!("\"~thread\":{{\"thid\":\"{thid}\"}}");
    for (what, text) in texts(head, "\"@id\"", thread) {
        let before = ended(suite, "malformed_message").await;
        let envelope = friend.key.pack_bytes(&text, &agent.key);
        let answer = friend.post_envelope(&agent.url, envelope).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{what}: {answer:?}");
        assert_eq!(ended(suite, "malformed_message").await, before + 1.0, "{what}");
    }
    scene.is_unharmed(suite).await;
}

async fn v2_messages_are_read_in_one_way(suite: &Suite) {
    let peer = v2::Peer::start().await;
    let agent = peer.join(suite).await;
    let scene = Scene::of(suite).await;
    let head = format!(
        "\"type\":{},\"from\":{},\"to\":{}",
        json!(v2::PING),
        json!(peer.me.did),
        json!([agent.did])
    );
    for (what, text) in texts(&head, "\"id\"", |thid| format!("\"thid\":\"{thid}\"")) {
        let all = ["malformed_message", "malformed_envelope", "undecryptable"];
        let mut before = 0.0;
        for result in all {
            before += ended(suite, result).await;
        }
        peer.refused(&agent, peer.me.pack_bytes(&text, &agent.did)).await;
        let mut after = 0.0;
        for result in all {
            after += ended(suite, result).await;
        }
        assert_eq!(after, before + 1.0, "{what}");
    }
    scene.is_unharmed(suite).await;
    peer.hears_nothing(&agent).await;
}
