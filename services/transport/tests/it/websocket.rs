//! Delivery over WebSockets.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use entente_rpc::ErrorReason;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{ENVELOPE, Transport, closed_port, inbox, local, serve};

#[tokio::test]
async fn a_message_is_one_frame() {
    let transport = Transport::start(local()).await;
    let (sender, mut messages) = mpsc::unbounded_channel();
    let upgrade = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(|mut socket: WebSocket| async move {
            while let Some(Ok(message)) = socket.recv().await {
                let _ = sender.send(message);
            }
        })
    };
    let url = serve(Router::new().route("/", get(upgrade))).await.replace("http:", "ws:");
    assert_eq!(transport.deliver(&url).await.unwrap().http_status, 101);
    let Some(Message::Binary(message)) = messages.recv().await else { panic!("a binary message") };
    assert_eq!(&message[..], ENVELOPE);
    assert!(matches!(messages.recv().await, Some(Message::Close(_))));
}

#[tokio::test]
async fn hosts_that_speak_no_websocket_are_unavailable() {
    let transport = Transport::start(local()).await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging_url = format!("ws://{}", hanging.local_addr().unwrap());
    let (inbox, _) = inbox().await;
    for url in
        [hanging_url, inbox.replace("http:", "ws:"), closed_port().await.replace("http:", "ws:")]
    {
        let answer =
            tokio::time::timeout(Duration::from_secs(2), transport.deliver(&url)).await.unwrap();
        assert_eq!(answer.unwrap_err().reason, ErrorReason::EndpointUnavailable, "{url}");
    }
}
