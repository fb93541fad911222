//! Return-route over DIDComm v2, by POST and by WebSocket, for peers with and without an endpoint.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    GetExchangeRequest, InvitationKind, SendBasicMessageRequest,
};
use entente_rpc::proto::event::v1::EventKind;
use entente_tests::Suite;
use entente_tests::peer::v2::{Connected, Identity, PING, PONG, Peer, RESPONSE, endpoint, invite};
use entente_tests::suite::eventually;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

checks!(
    a_reply_comes_in_the_answer_when_it_is_asked_for,
    a_thread_comes_in_the_answer_and_no_other,
    a_socket_carries_what_was_asked_for,
    a_peer_without_an_endpoint_connects_and_talks_over_a_socket,
    what_a_socket_did_not_take_waits_for_the_next,
    a_socket_that_asked_for_nothing_gets_nothing,
    a_response_waits_for_a_peer_that_nobody_reaches,
);

const TEXT: &str = "https://didcomm.org/basicmessage/2.0/message";

fn ping(from: &Identity, to: &str, route: Value) -> Value {
    from.message(PING, to, route)
}

async fn a_reply_comes_in_the_answer_when_it_is_asked_for(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let asked = ping(&peer.me, &agent.did, json!({"return_route": "all"}));
    let answer = peer.send(&agent, &asked).await;
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/didcomm-encrypted+json")
    );
    let (pong, _) = peer.me.open(&answer.body).unwrap();
    assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &asked["id"]));
    for route in [json!({}), json!({"return_route": "none"}), json!({"return_route": "some"})] {
        let ping = ping(&peer.me, &agent.did, route);
        let answer = peer.send(&agent, &ping).await;
        assert_eq!((answer.status, answer.body.as_slice()), (202, &b""[..]));
        assert_eq!(peer.listener.next().await.message["thid"], ping["id"]);
    }
}

async fn a_thread_comes_in_the_answer_and_no_other(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let route = json!({"return_route": "thread", "return_route_thread": "another"});
    let other = ping(&peer.me, &agent.did, route);
    assert!(peer.send(&agent, &other).await.body.is_empty());
    assert_eq!(peer.listener.next().await.message["thid"], other["id"]);
    let route = json!({"return_route": "thread", "return_route_thread": "mine", "thid": "mine"});
    let own = ping(&peer.me, &agent.did, route);
    let answer = peer.send(&agent, &own).await;
    assert_eq!(peer.me.open(&answer.body).unwrap().0["thid"], "mine");
}

/// A WebSocket of a peer.
struct Socket {
    stream: tokio_tungstenite::WebSocketStream<
        tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>,
    >,
}

impl Socket {
    async fn open(agent: &str) -> Self {
        let url = agent.replace("http://", "ws://");
        Self { stream: tokio_tungstenite::connect_async(url).await.unwrap().0 }
    }

    async fn send(&mut self, from: &Identity, message: &Value, to: &str) {
        self.stream.send(Frame::binary(from.pack(message, to))).await.unwrap();
    }

    /// The next message on it.
    async fn next(&mut self, to: &Identity) -> Value {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.stream.next()).await;
            match frame.expect("a frame in time").expect("an open socket").unwrap() {
                Frame::Ping(_) => {}
                frame => return to.open(&frame.into_data()).expect("an envelope for the peer").0,
            }
        }
    }

    /// Checks that nothing came before the answer to a ping that is sent now.
    async fn hears_nothing(&mut self, me: &Identity, agent: &str) {
        let ping = ping(me, agent, json!({"return_route": "all"}));
        self.send(me, &ping, agent).await;
        let pong = self.next(me).await;
        assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &ping["id"]), "{pong}");
    }
}

async fn a_socket_carries_what_was_asked_for(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut socket = Socket::open(&agent.url).await;
    let pings: Vec<_> =
        (0..5).map(|_| ping(&peer.me, &agent.did, json!({"return_route": "all"}))).collect();
    for ping in &pings {
        socket.send(&peer.me, ping, &agent.did).await;
    }
    for ping in &pings {
        assert_eq!(socket.next(&peer.me).await["thid"], ping["id"]);
    }
    // What it did not ask for goes to its endpoint.
    let silent = ping(&peer.me, &agent.did, json!({}));
    socket.send(&peer.me, &silent, &agent.did).await;
    assert_eq!(peer.listener.next().await.message["thid"], silent["id"]);
    socket.hears_nothing(&peer.me, &agent.did).await;
}

async fn text(suite: &Suite, connection_id: &str, content: &str) -> String {
    let request = SendBasicMessageRequest {
        connection_id: connection_id.to_owned(),
        content: content.to_owned(),
        ..Default::default()
    };
    suite.messages().send_basic_message(request).await.unwrap().into_inner().thread_id
}

/// A whole handshake of a peer without an endpoint, over a socket.
async fn join(suite: &Suite, me: &Identity) -> (Connected, Socket) {
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    let agent = invitation.did.clone();
    let url = endpoint(&agent);
    let mut socket = Socket::open(&url).await;
    let mut request = me.request(&invitation);
    request["return_route"] = json!("all");
    socket.send(me, &request, &agent).await;
    let response = socket.next(me).await;
    assert_eq!((&response["type"], &response["thid"]), (&json!(RESPONSE), &request["thid"]));
    let id = suite.connection_with(&me.did).await.id;
    (Connected { id, did: agent, url }, socket)
}

async fn is_delivered(suite: &Suite, id: &str) -> bool {
    let events = suite.all_events().await;
    events
        .iter()
        .any(|event| event.kind() == EventKind::MessageSent && format!("{event:?}").contains(id))
}

async fn until_delivered(suite: &Suite, id: &str) {
    eventually("the message is delivered", async || is_delivered(suite, id).await.then_some(()))
        .await;
}

async fn a_peer_without_an_endpoint_connects_and_talks_over_a_socket(suite: &Suite) {
    let me = Identity::nowhere();
    let (agent, mut socket) = join(suite, &me).await;
    socket.hears_nothing(&me, &agent.did).await;
    // The peer says nothing now, and hears us all the same.
    for content in ["one", "two", "three"] {
        let id = text(suite, &agent.id, content).await;
        let heard = socket.next(&me).await;
        assert_eq!((&heard["type"], &heard["body"]["content"]), (&json!(TEXT), &json!(content)));
        assert_eq!((&heard["id"], &heard["from"]), (&json!(id), &json!(agent.did)));
        until_delivered(suite, &id).await;
    }
    socket.hears_nothing(&me, &agent.did).await;
}

async fn what_a_socket_did_not_take_waits_for_the_next(suite: &Suite) {
    let me = Identity::nowhere();
    let (agent, mut socket) = join(suite, &me).await;
    socket.stream.close(None).await.unwrap();
    while socket.stream.next().await.is_some() {}
    let first = text(suite, &agent.id, "first").await;
    let second = text(suite, &agent.id, "second").await;
    // A POST has room for one reply, and another peer's socket for none of these.
    let stranger = Identity::nowhere();
    let (of_stranger, mut other) = join(suite, &stranger).await;
    other.hears_nothing(&stranger, &of_stranger.did).await;
    assert!(!is_delivered(suite, &first).await && !is_delivered(suite, &second).await);

    let mut socket = Socket::open(&agent.url).await;
    let ping = ping(&me, &agent.did, json!({"return_route": "all"}));
    socket.send(&me, &ping, &agent.did).await;
    assert_eq!(socket.next(&me).await["id"], json!(first));
    assert_eq!(socket.next(&me).await["id"], json!(second));
    assert_eq!(socket.next(&me).await["thid"], ping["id"]);
    until_delivered(suite, &second).await;
    socket.hears_nothing(&me, &agent.did).await;
}

async fn a_socket_that_asked_for_nothing_gets_nothing(suite: &Suite) {
    let me = Identity::nowhere();
    let (agent, mut asked) = join(suite, &me).await;
    asked.stream.close(None).await.unwrap();
    while asked.stream.next().await.is_some() {}
    let mut socket = Socket::open(&agent.url).await;
    let silent = ping(&me, &agent.did, json!({}));
    socket.send(&me, &silent, &agent.did).await;
    let id = text(suite, &agent.id, "unheard").await;
    eventually("the ping was heard", async || {
        let events = suite.all_events().await;
        let heard = |event: &entente_rpc::proto::event::v1::Event| {
            event.kind() == EventKind::PingReceived && event.connection_id == agent.id
        };
        events.iter().any(heard).then_some(())
    })
    .await;
    assert!(!is_delivered(suite, &id).await);
    socket.stream.close(None).await.unwrap();
    // Neither the pong nor the text was put on it.
    while let Some(Ok(frame)) = socket.stream.next().await {
        assert!(!frame.is_binary() && !frame.is_text(), "{frame:?}");
    }
}

async fn a_response_waits_for_a_peer_that_nobody_reaches(suite: &Suite) {
    let me = Identity::nowhere();
    let invitation = invite(suite, InvitationKind::SingleUse).await;
    let url = endpoint(&invitation.did);
    let mut socket = Socket::open(&url).await;
    socket.send(&me, &me.request(&invitation), &invitation.did).await;
    let waiting = eventually("the response waits", async || {
        let found = suite.all_exchanges().await;
        let ours = found.into_iter().find(|exchange| exchange.invitation_id == invitation.id);
        ours.filter(|exchange| exchange.attempts == 1 && exchange.next_attempt_at.is_some())
    })
    .await;
    assert!(waiting.last_error.contains("no endpoint"), "{waiting:?}");
    // Its next message, which asks, gets it.
    let ping = ping(&me, &invitation.did, json!({"return_route": "all"}));
    socket.send(&me, &ping, &invitation.did).await;
    assert_eq!(socket.next(&me).await["type"], RESPONSE);
    let request = GetExchangeRequest { id: waiting.id.clone() };
    eventually("the handshake is done", async || {
        let found = suite.exchanges().get_exchange(request.clone()).await.unwrap().into_inner();
        let done = entente_rpc::proto::connection::v1::ExchangeState::Done;
        found.exchange.filter(|exchange| exchange.state() == done)
    })
    .await;
}

/// What waits is asked for from one process to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_served_where_each_service_has_its_process() {
    let suite = Suite::in_five().await;
    a_peer_without_an_endpoint_connects_and_talks_over_a_socket(&suite).await;
    what_a_socket_did_not_take_waits_for_the_next(&suite).await;
}
