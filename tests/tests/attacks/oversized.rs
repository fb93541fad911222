//! Fields that are as long as a message may be.

use entente_tests::peer::{message, request};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::{Scene, ended};

checks!(
    requests_with_long_fields_make_nothing,
    frames_are_bounded,
    an_answer_to_a_long_question_is_short,
);

async fn requests_with_long_fields_make_nothing(suite: &Suite) {
    let invitation = suite.invite_many().await;
    let scene = Scene::of(suite).await;
    let peer = Peer::start().await;
    let long = "x".repeat(300_000);
    let right = || request("1.1", &invitation.id, &peer.did);
    let with = |field: &str, value: Value| {
        let mut request = right();
        request[field] = value;
        request
    };
    let mut thread = right();
    thread["~thread"]["thid"] = json!(long);
    let mut parent = right();
    parent["~thread"]["pthid"] = json!(long);
    for (what, request) in [
        ("did", with("did", json!(format!("did:peer:2.{long}")))),
        ("did", with("did", json!(long))),
        ("@id", with("@id", json!(long))),
        ("@type", with("@type", json!(format!("https://didcomm.org/didexchange/1.1/{long}")))),
        ("thread", thread),
        ("parent", parent),
    ] {
        let answer = peer.request(&invitation, &request).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{what}");
        assert_eq!(suite.counts().await, scene.before, "{what}");
    }
    scene.is_unharmed(suite).await;
}

async fn frames_are_bounded(suite: &Suite) {
    use futures_util::{SinkExt as _, StreamExt as _};
    let scene = Scene::of(suite).await;
    let url = suite.didcomm_url.replace("http://", "ws://");
    let before = ended(suite, "handled").await;
    for frame in [
        Frame::binary(vec![b'{'; 3 << 20]),
        Frame::text("[".repeat(100_000)),
        Frame::Ping(vec![0; 126].into()),
    ] {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        // It may be closed before all of it is sent.
        let _ = socket.send(frame).await;
        let closed = async {
            while let Some(Ok(frame)) = socket.next().await {
                if frame.is_close() {
                    break;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), closed)
            .await
            .expect("it is closed");
    }
    assert_eq!(ended(suite, "handled").await, before);
    scene.is_unharmed(suite).await;
}

/// A report that repeats what was sent would make the agent an amplifier.
async fn an_answer_to_a_long_question_is_short(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let queries = vec![json!({"feature-type": "protocol", "match": "*"}); 5_000];
    for question in [
        message("trust_ping/1.0/ping", json!({"response_requested": "x".repeat(500_000)})),
        message("trust_ping/1.0/ping", json!({"comment": "x".repeat(500_000)})),
        message(&format!("trust_ping/1.0/{}", "x".repeat(900)), json!({})),
        message("discover-features/1.0/query", json!({"query": "*".repeat(500_000)})),
        message("discover-features/2.0/queries", json!({ "queries": queries })),
    ] {
        let answer = friend.ask(agent, &question).await;
        let length = answer.message.to_string().len();
        assert!(
            length < 20_000,
            "{length} of {}: {}",
            question["@type"],
            &answer.message.to_string()[..300]
        );
    }
    friend.hears_nothing(agent).await;
}
