//! One who sends too much is told to come later, and nobody else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_tests::peer::message;
use entente_tests::{Peer, Suite};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// What a proxy in front sends, for somebody at an address.
async fn post(suite: &Suite, from: &str) -> reqwest::Response {
    suite
        .http
        .post(&suite.didcomm_url)
        .header("content-type", "application/didcomm-envelope-enc")
        .header("x-forwarded-for", format!("198.51.100.9, {from}"))
        .body("{}")
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_may_send_so_much() {
    let flags = ["--didcomm-address-rate", "1", "--trusted-proxy", "127.0.0.1"];
    one_address_may_send_so_much(&Suite::with(&flags).await).await;
    // Who may call without a key believes its proxies, too.
    let insecure = [&flags[..], &["--admin-insecure"]].concat();
    one_address_may_send_so_much(&Suite::with(&insecure).await).await;
}

async fn one_address_may_send_so_much(suite: &Suite) {
    // No envelope, but looked at.
    let mut statuses = Vec::new();
    let refused = loop {
        let answer = post(suite, "192.0.2.1").await;
        statuses.push(answer.status().as_u16());
        if statuses.last() == Some(&429) || statuses.len() > 50 {
            break answer;
        }
    };
    assert!(
        statuses.len() > 5 && statuses[..5].iter().all(|status| *status == 400),
        "{statuses:?}"
    );
    assert_eq!(refused.status(), 429, "{statuses:?}");
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert!(body["detail"].as_str().unwrap().contains("more messages"), "{body}");
    // Others, and who comes without a proxy on this machine.
    assert_eq!(post(suite, "192.0.2.2").await.status(), 400);
    assert_eq!(post(suite, "127.0.0.1").await.status(), 400);
    assert!(suite.metrics().await.iter().any(|line| line.contains("rate_limited")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_no_way_round_it() {
    let flags = ["--didcomm-address-rate", "1", "--trusted-proxy", "127.0.0.1"];
    let suite = Suite::with(&flags).await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let url = suite.didcomm_url.replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let ping = || {
        let ping = message("trust_ping/1.0/ping", json!({"response_requested": false}));
        peer.key.pack(&ping, &agent.key)
    };
    for _ in 0..50 {
        if socket.send(Frame::binary(ping())).await.is_err() {
            break;
        }
    }
    let closed = loop {
        match socket.next().await {
            Some(Ok(Frame::Close(Some(frame)))) => break frame,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(closed.code), 1013, "{closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_may_send_so_much_and_another_as_much() {
    let suite = Suite::with(&["--didcomm-peer-rate", "1"]).await;
    let (loud, quiet) = (Peer::start().await, Peer::start().await);
    let (agent, calm) = (loud.join(&suite).await, quiet.join(&suite).await);
    let ping = || message("trust_ping/1.0/ping", json!({"response_requested": false}));
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) && statuses.len() < 50 {
        let envelope = loud.key.pack(&ping(), &agent.key);
        statuses.push(loud.post_envelope(&agent.url, envelope).await.status);
    }
    assert!(statuses.len() > 2 && statuses.last() == Some(&429), "{statuses:?}");
    quiet.send(&calm, &ping()).await;
}
