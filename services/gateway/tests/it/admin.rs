use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Door, KEY};

async fn get(door: &Door, path: &str, header: Option<(&str, &str)>) -> (u16, String) {
    let mut request = door.http.get(door.admin_url(path));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn everything_but_the_probes_needs_a_key() {
    let door = Door::open(|_| {}).await;
    for path in ["/status", "/connections", "/metrics", "/nothing", "/status/config", "/"] {
        let (status, text) = get(&door, path, None).await;
        assert_eq!(status, 401, "{path}");
        assert!(text.starts_with("401: "), "{text}");
        assert_eq!(get(&door, path, Some(("x-api-key", "wrong"))).await.0, 401, "{path}");
    }
    assert_eq!(get(&door, "/status/live", None).await, (200, r#"{"alive":true}"#.to_owned()));
    assert_eq!(get(&door, "/status/ready", None).await.0, 503, "the connection service is away");
    let bearer = format!("Bearer {KEY}");
    for header in [("X-API-Key", KEY), ("apikey", KEY), ("Authorization", bearer.as_str())] {
        let (status, text) = get(&door, "/status", Some(header)).await;
        assert_eq!(status, 200, "{header:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["label"], "Faber");
    }
}

#[tokio::test]
async fn errors_are_lines_of_text() {
    let door = Door::open(|_| {}).await;
    let key = Some(("x-api-key", KEY));
    assert_eq!(get(&door, "/nothing", key).await, (404, "404: there is no /nothing.".to_owned()));
    assert_eq!(get(&door, "/shutdown", key).await.0, 501);
    assert_eq!(get(&door, "/didexchange/create-request", key).await.0, 405);
    let (status, text) = get(&door, "/connections?state=deleted", key).await;
    assert_eq!(status, 422);
    assert!(text.starts_with("422: {'querystring': {'state': ['Must be one of: "), "{text}");
    assert_eq!(get(&door, "/connections", key).await.0, 503, "the connection service is away");
    assert_eq!(get(&door, "/metrics", key).await, (200, "entente_gateway_test 1\n".to_owned()));
    let config = get(&door, "/status/config", key).await.1;
    assert!(!config.contains(KEY), "{config}");
}

#[tokio::test]
async fn bodies_are_checked_before_anything_is_called() {
    let door = Door::open(|_| {}).await;
    for (path, body, status, expected) in [
        (
            "/out-of-band/create-invitation",
            "{}".to_owned(),
            400,
            "400: Invitation must include handshake protocols, request attachments, or both.",
        ),
        (
            "/out-of-band/create-invitation?auto_accept=maybe",
            r#"{"handshake_protocols": ["didexchange/1.1"]}"#.to_owned(),
            422,
            "422: {'querystring': {'auto_accept': ['Not a valid boolean.']}}",
        ),
        (
            "/out-of-band/create-invitation",
            r#"{"handshake_protocols": ["x"]}"#.to_owned(),
            422,
            "422: {'json': {'handshake_protocols': {0: ['Invalid value.']}}}",
        ),
        (
            "/connections/1/send-message",
            "{}".to_owned(),
            422,
            "422: {'json': {'content': ['Missing data for required field.']}}",
        ),
        (
            "/out-of-band/receive-invitation",
            "nonsense".to_owned(),
            400,
            "400: the body is not JSON",
        ),
        ("/out-of-band/receive-invitation", "x".repeat(2 << 20), 413, "413: "),
    ] {
        let request = door.http.post(door.admin_url(path)).header("x-api-key", KEY).body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let text = response.text().await.unwrap();
        assert!(text.starts_with(expected), "{text}");
    }
}

async fn frame(
    socket: &mut (
             impl futures_util::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>>
             + Unpin
         ),
) -> Message {
    tokio::time::timeout(Duration::from_secs(7), socket.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn an_unauthenticated_websocket_learns_nothing() {
    let door = Door::open(|_| {}).await;
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/ws", door.admin)).await.unwrap();
    let ping: Value = serde_json::from_str(frame(&mut socket).await.to_text().unwrap()).unwrap();
    assert_eq!(ping, json!({"topic": "ping", "authenticated": false}));
    socket.send(Message::text(r#"{"x-api-key": "wrong"}"#)).await.unwrap();
    let ping: Value = serde_json::from_str(frame(&mut socket).await.to_text().unwrap()).unwrap();
    assert_eq!(ping, json!({"topic": "ping", "authenticated": false}));
    socket.send(Message::text(json!({"x-api-key": KEY}).to_string())).await.unwrap();
    let settings: Value =
        serde_json::from_str(frame(&mut socket).await.to_text().unwrap()).unwrap();
    let payload = json!({"authenticated": true, "label": "Faber", "endpoint": "http://agent.example",
        "no_receive_invites": false, "help_link": null});
    assert_eq!(settings, json!({"topic": "settings", "payload": payload}));
}

#[tokio::test]
async fn keys_cannot_be_guessed_for_long() {
    let door = Door::open(|_| {}).await;
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/ws", door.admin)).await.unwrap();
    for _ in 0..5 {
        socket.send(Message::text(r#"{"x-api-key": "wrong"}"#)).await.unwrap();
    }
    loop {
        match frame(&mut socket).await {
            Message::Close(Some(close)) => break assert_eq!(u16::from(close.code), 1008),
            Message::Text(text) => assert!(text.as_str().contains("false"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
