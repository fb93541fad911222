//! Transports, media types and return-route (RFC 0025, 0044, 0092).

use entente_rpc::proto::connection::v1::AbandonCause;
use entente_tests::peer::{kind, message, thread};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

checks!(
    a_message_is_answered_202_without_a_body,
    a_peer_that_answers_200_is_tolerated,
    an_endpoint_that_is_gone_is_given_up,
    return_route_all_gives_the_reply_in_the_body,
    return_route_none_posts_the_reply,
    return_route_thread_gives_only_its_thread,
    a_socket_carries_replies_that_were_asked_for,
    a_socket_carries_no_reply_otherwise,
    a_socket_takes_one_envelope_a_frame,
    a_socket_with_nonsense_is_closed,
    fallback_media_types_are_taken,
    other_media_types_are_refused,
    an_oversized_body_is_refused,
    a_malformed_body_is_refused,
    other_methods_are_refused,
    a_browser_gets_a_page_for_an_invitation,
);

fn ping(transport: Value) -> Value {
    message("trust_ping/1.0/ping", json!({"~transport": transport}))
}

async fn a_message_is_answered_202_without_a_body(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let answer = peer.send(&agent, &message("trust_ping/1.0/ping", json!({}))).await;
    assert_eq!((answer.status, answer.body.as_slice()), (202, &b""[..]));
    peer.listener.next().await;
}

async fn a_peer_that_answers_200_is_tolerated(suite: &Suite) {
    let peer = Peer::start().await;
    peer.listener.answer(200);
    let agent = peer.join(suite).await;
    peer.hears_nothing(&agent).await;
    peer.hears_nothing(&agent).await;
}

/// What is gone is not asked again; anything else may pass.
async fn an_endpoint_that_is_gone_is_given_up(suite: &Suite) {
    for (status, cause) in [(410, AbandonCause::NotDelivered), (404, AbandonCause::Unspecified)] {
        let peer = Peer::start().await;
        peer.listener.answer(status);
        let invitation = peer.invitation(json!({}));
        suite.receive(&invitation).await;
        let exchange = eventually("the first attempt fails", async || {
            let exchange = suite.exchange_of(invitation["@id"].as_str().unwrap()).await;
            let failed = !exchange.last_error.is_empty() || !exchange.error.is_empty();
            failed.then_some(exchange)
        })
        .await;
        assert_eq!(exchange.abandon_cause(), cause, "{status}: {exchange:?}");
    }
}

async fn return_route_all_gives_the_reply_in_the_body(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = ping(json!({"return_route": "all"}));
    let answer = peer.send(&agent, &ping).await;
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/didcomm-envelope-enc")
    );
    let (pong, sender) = peer.open(&answer.body);
    assert_eq!(
        (kind(&pong), thread(&pong)),
        ("trust_ping/1.0/ping_response", ping["@id"].as_str().unwrap())
    );
    assert_eq!(sender, Some(agent.key));
    // It is not posted as well.
    peer.hears_nothing(&agent).await;
}

async fn return_route_none_posts_the_reply(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = ping(json!({"return_route": "none"}));
    assert!(peer.send(&agent, &ping).await.body.is_empty());
    assert_eq!(thread(&peer.listener.next().await.message), ping["@id"]);
}

async fn return_route_thread_gives_only_its_thread(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let other = ping(json!({"return_route": "thread", "return_route_thread": "another-thread"}));
    assert!(peer.send(&agent, &other).await.body.is_empty());
    assert_eq!(thread(&peer.listener.next().await.message), other["@id"]);
    let mut own = ping(json!({"return_route": "thread"}));
    own["~transport"]["return_route_thread"] = own["@id"].clone();
    let answer = peer.send(&agent, &own).await;
    assert_eq!(thread(&peer.open(&answer.body).0), own["@id"]);
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn socket(suite: &Suite) -> Socket {
    let url = format!("{}/", suite.didcomm_url.replace("http://", "ws://"));
    tokio_tungstenite::connect_async(url).await.unwrap().0
}

async fn a_socket_carries_replies_that_were_asked_for(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut socket = socket(suite).await;
    for text in [false, true] {
        let ping = ping(json!({"return_route": "all"}));
        let envelope = peer.key.pack(&ping, &agent.key);
        let frame = match text {
            true => Frame::text(String::from_utf8(envelope).unwrap()),
            false => Frame::binary(envelope),
        };
        socket.send(frame).await.unwrap();
        let reply = socket.next().await.unwrap().unwrap();
        assert_eq!(thread(&peer.open(&reply.into_data()).0), ping["@id"]);
    }
    peer.hears_nothing(&agent).await;
}

async fn a_socket_carries_no_reply_otherwise(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut socket = socket(suite).await;
    let silent = message("trust_ping/1.0/ping", json!({}));
    socket.send(Frame::binary(peer.key.pack(&silent, &agent.key))).await.unwrap();
    assert_eq!(thread(&peer.listener.next().await.message), silent["@id"]);
    let asked = ping(json!({"return_route": "all"}));
    socket.send(Frame::binary(peer.key.pack(&asked, &agent.key))).await.unwrap();
    let first = socket.next().await.unwrap().unwrap();
    assert_eq!(thread(&peer.open(&first.into_data()).0), asked["@id"]);
}

async fn a_socket_takes_one_envelope_a_frame(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut socket = socket(suite).await;
    let pings: Vec<Value> = (0..5).map(|_| ping(json!({"return_route": "all"}))).collect();
    for ping in &pings {
        socket.send(Frame::binary(peer.key.pack(ping, &agent.key))).await.unwrap();
    }
    for ping in &pings {
        let reply = socket.next().await.unwrap().unwrap();
        assert_eq!(thread(&peer.open(&reply.into_data()).0), ping["@id"]);
    }
}

async fn a_socket_with_nonsense_is_closed(suite: &Suite) {
    let mut socket = socket(suite).await;
    socket.send(Frame::text("hello")).await.unwrap();
    let closed = socket.next().await.unwrap().unwrap();
    assert!(matches!(closed, Frame::Close(Some(_))), "{closed:?}");
}

async fn fallback_media_types_are_taken(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for media_type in [
        "application/ssi-agent-wire",
        "application/jwe",
        "application/json",
        "application/json; charset=utf-8",
        "didcomm-envelope-enc",
        "Application/DIDComm-Envelope-Enc",
    ] {
        let ping = message("trust_ping/1.0/ping", json!({}));
        let answer = peer.post(&agent.url, media_type, peer.key.pack(&ping, &agent.key)).await;
        assert_eq!(answer.status, 202, "{media_type}");
        assert_eq!(thread(&peer.listener.next().await.message), ping["@id"], "{media_type}");
    }
}

async fn other_media_types_are_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for media_type in ["text/plain", "application/xml", "application/octet-stream", "/"] {
        let ping = message("trust_ping/1.0/ping", json!({}));
        let answer = peer.post(&agent.url, media_type, peer.key.pack(&ping, &agent.key)).await;
        assert_eq!(answer.status, 415, "{media_type}");
    }
    peer.hears_nothing(&agent).await;
}

async fn an_oversized_body_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let comment = "x".repeat(3 << 20);
    let envelope =
        peer.key.pack(&message("trust_ping/1.0/ping", json!({"comment": comment})), &agent.key);
    // The answer may come, and the connection be closed, before all of it is sent.
    let sent =
        suite.http.post(&agent.url).header("content-type", "application/json").body(envelope);
    if let Ok(answer) = sent.send().await {
        assert_eq!(answer.status(), 413);
    }
    peer.hears_nothing(&agent).await;
}

async fn a_malformed_body_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = "{\"protected\":".repeat(50_000);
    let envelope = peer.key.pack(&message("trust_ping/1.0/ping", json!({})), &agent.key);
    let truncated = String::from_utf8(envelope[..envelope.len() / 2].to_vec()).unwrap();
    for body in
        [deep, deep_object, truncated, "hello".to_owned(), String::new(), "\u{0}".to_owned()]
    {
        let answer = peer.post_envelope(&agent.url, body.clone().into_bytes()).await;
        assert_eq!(answer.status, 400, "{}", &body[..body.len().min(40)]);
    }
    let answer = peer.post_envelope(&agent.url, vec![0xff, 0xfe, 0x80]).await;
    assert_eq!(answer.status, 400);
    peer.hears_nothing(&agent).await;
}

async fn other_methods_are_refused(suite: &Suite) {
    for method in ["PUT", "DELETE", "PATCH"] {
        let request = suite.http.request(method.parse().unwrap(), &suite.didcomm_url);
        assert_eq!(request.send().await.unwrap().status(), 405, "{method}");
    }
}

async fn a_browser_gets_a_page_for_an_invitation(suite: &Suite) {
    let invitation = suite.invite().await;
    let page = suite.http.get(&invitation.url).header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(page.text().await.unwrap().contains("<svg"));
    let json = suite.http.get(&invitation.url).header("accept", "application/json").send().await;
    let found: Value = serde_json::from_str(&json.unwrap().text().await.unwrap()).unwrap();
    let made: Value = serde_json::from_str(&invitation.message_json).unwrap();
    assert_eq!(found, made);
}
