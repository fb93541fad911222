use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::Door;

const ENVELOPE: &str = "application/didcomm-envelope-enc";

async fn post(
    door: &Door,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> reqwest::Response {
    door.http
        .post(door.didcomm_url())
        .header("content-type", content_type)
        .body(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_not_an_envelope_is_refused_with_its_cause() {
    let door = Door::open(|_| {}).await;
    for (content_type, body, status, cause) in [
        ("text/plain", "{}", 415, "send the envelope as application/didcomm-envelope-enc"),
        (ENVELOPE, "hello", 400, "JSON"),
        (ENVELOPE, "", 400, "JSON"),
        ("application/json", "{}", 400, "protected"),
        ("ssi-agent-wire;charset=utf-8", "[[[[", 400, "JSON"),
        (ENVELOPE, r#"{"protected":"","recipients":[]}"#, 400, "`iv`"),
    ] {
        let response = post(&door, content_type, body).await;
        assert_eq!(response.status(), status, "{body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().unwrap().contains(cause), "{problem}");
    }
    let deep = "[".repeat(200_000);
    assert_eq!(post(&door, ENVELOPE, deep).await.status(), 400);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let door = Door::open(|config| config.didcomm.max_message = 10_000).await;
    assert_eq!(post(&door, ENVELOPE, "x".repeat(10_001)).await.status(), 413);
    assert_eq!(
        post(&door, ENVELOPE, "x".repeat(10_000)).await.status(),
        400,
        "at the limit it is read"
    );
    let chunks =
        futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("x".repeat(1000))));
    let endless = reqwest::Body::wrap_stream(chunks);
    let response = door
        .http
        .post(door.didcomm_url())
        .header("content-type", ENVELOPE)
        .body(endless)
        .send()
        .await;
    // The answer may come while the body is still being sent, and the connection be closed over it.
    assert!(response.is_err() || response.unwrap().status() == 413);
    assert_eq!(post(&door, ENVELOPE, "{}").await.status(), 400, "it still answers");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let door = Door::open(|config| config.didcomm.read_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(door.didcomm).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: {ENVELOPE}\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

async fn told_to_come_again(door: &Door, body: String) {
    let response = post(door, ENVELOPE, body).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn more_than_can_be_handled_is_told_to_come_again() {
    let full = Door::open(|config| config.didcomm.max_in_flight = 0).await;
    told_to_come_again(&full, "{}".to_owned()).await;
    let small = Door::open(|config| config.didcomm.max_buffered = 1000).await;
    told_to_come_again(&small, "x".repeat(1001)).await;
    for _ in 0..3 {
        assert_eq!(
            post(&small, ENVELOPE, "x".repeat(900)).await.status(),
            400,
            "the memory is free again"
        );
    }
}

#[tokio::test]
async fn slow_senders_do_not_hold_up_others() {
    let door = Door::open(|config| config.didcomm.max_in_flight = 1).await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: {ENVELOPE}\r\ncontent-length: 100\r\n\r\n{{"
    );
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(door.didcomm).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(post(&door, ENVELOPE, "{}").await.status(), 400);
}

#[tokio::test]
async fn a_stranger_is_answered_like_any_other() {
    let door = Door::open(|_| {}).await;
    let response = post(&door, ENVELOPE, door.envelope_for_a_stranger().await).await;
    assert_eq!(response.status(), 202);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_is_not_taken_before_its_effect_is_stored() {
    let door = Door::open(|_| {}).await;
    let response = post(&door, ENVELOPE, door.envelope().await).await;
    assert_eq!(response.status(), 503, "the connection service is away");
    assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn gets_are_for_people() {
    let door = Door::open(|_| {}).await;
    let response = door.http.get(door.didcomm_url()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("DIDComm endpoint"));
    let response = door.http.put(door.didcomm_url()).send().await.unwrap();
    assert_eq!(response.status(), 405);
}

async fn close_code(door: &Door, frame: Message) -> CloseCode {
    let url = format!("ws://{}/", door.didcomm);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(frame).await.unwrap();
    match tokio::time::timeout(Duration::from_secs(5), socket.next()).await.unwrap() {
        Some(Ok(Message::Close(Some(close)))) => close.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_websocket_is_closed_over_what_was_not_taken() {
    let door = Door::open(|config| config.didcomm.max_message = 10_000).await;
    assert_eq!(close_code(&door, Message::text("hello")).await, CloseCode::Invalid);
    let envelope = door.envelope().await;
    assert_eq!(close_code(&door, Message::binary(envelope)).await, CloseCode::Again);
    assert_eq!(close_code(&door, Message::binary(vec![b'x'; 20_000])).await, CloseCode::Size);
}

#[tokio::test]
async fn a_websocket_takes_many_messages_and_gives_none_back() {
    let door = Door::open(|config| config.didcomm.max_sockets = 1).await;
    let url = format!("ws://{}/ws", door.didcomm);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    for _ in 0..3 {
        socket.send(Message::binary(door.envelope_for_a_stranger().await)).await.unwrap();
    }
    let silence = tokio::time::timeout(Duration::from_millis(200), socket.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    match tokio_tungstenite::connect_async(&url).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
    door.gateway.shutdown().await;
    match tokio::time::timeout(Duration::from_secs(5), socket.next()).await.unwrap() {
        Some(Ok(Message::Close(Some(close)))) => assert_eq!(close.code, CloseCode::Away),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_silent_websocket_is_let_go() {
    let door = Door::open(|config| {
        config.didcomm.socket_ping = Duration::from_millis(50);
        config.didcomm.socket_idle = Duration::from_millis(120);
    })
    .await;
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/", door.didcomm)).await.unwrap();
    let mut pings = 0;
    loop {
        match tokio::time::timeout(Duration::from_secs(5), socket.next()).await.unwrap() {
            Some(Ok(Message::Ping(_))) => pings += 1,
            Some(Ok(Message::Close(Some(close)))) => {
                assert_eq!((close.code, close.reason.as_str()), (CloseCode::Normal, "idle"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(pings >= 2);
}
