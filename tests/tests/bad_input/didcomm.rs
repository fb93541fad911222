//! The endpoint for peers.

use entente_tests::peer::{Key, message, pack_anonymous};
use entente_tests::{Peer, Suite};
use serde_json::json;

/// Each kind of refused envelope has its count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_messages_are_counted() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = suite.counts().await;
    let silent = || message("trust_ping/1.0/ping", json!({"response_requested": false}));
    let stranger = Key::random();
    let replayed =
        peer.key.pack(&message("notification/1.0/ack", json!({"status": "OK"})), &agent.key);
    let no_type = json!({"@id": "12345678"});
    let truncated = peer.key.pack(&silent(), &agent.key);
    let large = peer.key.pack(
        &message("notification/1.0/ack", json!({"comment": "x".repeat(1 << 20)})),
        &agent.key,
    );
    let cases: Vec<(&str, u16, Vec<u8>)> = vec![
        ("malformed_envelope", 400, b"hello".to_vec()),
        ("malformed_envelope", 400, truncated[..truncated.len() - 9].to_vec()),
        ("undecryptable", 202, peer.key.pack(&silent(), &stranger.public)),
        ("malformed_message", 202, peer.key.pack(&no_type, &agent.key)),
        ("refused", 202, pack_anonymous(&silent(), &agent.key)),
        ("refused", 202, stranger.pack(&silent(), &agent.key)),
        ("handled", 202, replayed.clone()),
        ("duplicate", 202, replayed),
        ("too_large", 413, large),
    ];
    for (result, status, body) in cases {
        let metric = format!("entente_gateway_inbound_messages_total{{result=\"{result}\"}}");
        let count = suite.metric(&metric).await;
        let answer = peer.post_envelope(&agent.url, body).await;
        assert_eq!(answer.status, status, "{result}: {answer:?}");
        assert_eq!(suite.metric(&metric).await - count, 1.0, "{result}");
    }
    assert_eq!(suite.counts().await, before);
    peer.hears_nothing(&agent).await;
}

/// A message for a connection in which it makes no sense moves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_out_of_order_move_nothing() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = suite.settled_exchange_of(&agent.invitation_id).await;
    let thread = json!({"thid": agent.thread_id, "pthid": agent.invitation_id});
    for kind in [
        "didexchange/1.1/response",
        "didexchange/1.1/complete",
        "didexchange/1.1/request",
        "didexchange/1.1/problem_report",
        "didexchange/1.0/complete",
        "out-of-band/1.1/handshake-reuse-accepted",
        "out-of-band/1.1/problem_report",
        "out-of-band/1.1/invitation",
        "connections/1.0/response",
        "didexchange/1.1/nothing",
    ] {
        for fields in [
            json!({"~thread": thread}),
            json!({"~thread": thread, "did": peer.did, "label": "again"}),
            json!({}),
        ] {
            peer.send(&agent, &message(kind, fields)).await;
        }
    }
    assert_eq!(suite.settled_exchange_of(&agent.invitation_id).await, before);
    assert_eq!(suite.all_exchanges().await.len(), 1);
    assert_eq!(suite.all_connections().await.len(), 1);
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}
