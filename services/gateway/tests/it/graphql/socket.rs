use std::time::Duration;

use entente_rpc::auth::Callers;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::agent::Agent;
use crate::support::KEY;

const FOLLOW: &str = "subscription ($after: String, $id: ID) {
    onAipConnectionExchangeUpdate(after: $after, connExId: $id) { cursor deleted exchange { id state myRole } } }";

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects with headers.
    async fn open(agent: &Agent, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let url = format!("{}/graphql", agent.admin.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Ok(Self(tokio_tungstenite::connect_async(request).await?.0))
    }

    /// Connects and logs in.
    async fn ready(agent: &Agent) -> Self {
        let mut socket = Self::open(agent, &[PROTOCOL]).await.unwrap();
        socket.send(json!({"type": "connection_init", "payload": {"x-api-key": KEY}})).await;
        assert_eq!(socket.next().await, json!({"type": "connection_ack"}));
        socket
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, document: &str, variables: Value) {
        let payload = json!({"query": document, "variables": variables});
        self.send(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.unwrap();
        frame.transpose().unwrap()
    }

    /// The next message that is no ping.
    async fn next(&mut self) -> Value {
        loop {
            let frame = self.frame().await.unwrap();
            let message: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
            if message != json!({"type": "ping"}) {
                return message;
            }
        }
    }

    /// The code that the server closes with.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

#[tokio::test]
async fn a_subscription_goes_on_from_a_cursor() {
    let alice = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let cursor = alice.data("{ eventCursor }", json!({})).await["eventCursor"].clone();
    assert_eq!(cursor, "0");
    let (made, _) = super::connect(&alice, &bob).await;
    let other = alice.create("Carol").await;
    let mut socket = Socket::ready(&alice).await;
    socket.subscribe("1", FOLLOW, json!({"after": cursor, "id": made["id"]})).await;
    let mut cursors = Vec::new();
    for state in ["INVITATION", "REQUEST", "RESPONSE", "DONE"] {
        let message = socket.next().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!("1")));
        let update = &message["payload"]["data"]["onAipConnectionExchangeUpdate"];
        let expected = json!({"id": made["id"], "state": state, "myRole": "INVITER"});
        assert_eq!((&update["exchange"], &update["deleted"]), (&expected, &json!(false)));
        cursors.push(update["cursor"].clone());
    }
    // A second one, in the middle; then what happens live reaches both that look at it.
    socket.subscribe("2", FOLLOW, json!({"after": cursors[1]})).await;
    for (id, state) in
        [(&made["id"], "RESPONSE"), (&made["id"], "DONE"), (&other["id"], "INVITATION")]
    {
        let message = socket.next().await;
        assert_eq!(message["id"], "2");
        let exchange = &message["payload"]["data"]["onAipConnectionExchangeUpdate"]["exchange"];
        assert_eq!((&exchange["id"], &exchange["state"]), (id, &json!(state)));
    }
    let delete = "mutation ($id: ID!) { deleteAipConnectionExchange(connExId: $id) }";
    socket.subscribe("3", delete, json!({"id": other["id"]})).await;
    let mut seen = [socket.next().await, socket.next().await, socket.next().await];
    seen.sort_by_key(|message| (message["id"].to_string(), message["type"].to_string()));
    assert_eq!(seen[0]["payload"]["data"]["onAipConnectionExchangeUpdate"]["deleted"], true);
    assert_eq!(seen[1], json!({"type": "complete", "id": "3"}));
    assert_eq!(seen[2]["payload"]["data"]["deleteAipConnectionExchange"], true);
    // One that is ended gives nothing more, and its id is free.
    socket.send(json!({"type": "complete", "id": "2"})).await;
    socket.subscribe("2", "{ eventCursor }", json!({})).await;
    assert_eq!(
        socket.next().await["payload"]["data"]["eventCursor"].as_str().map(str::is_empty),
        Some(false)
    );
    assert_eq!(socket.next().await, json!({"type": "complete", "id": "2"}));
}

#[tokio::test]
async fn a_reuse_is_followed() {
    let faber = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let url = |made: &Value| json!({"invitation": {"invitationUrl": made["invitation_url"]}});
    let accepted = bob.accept(&url(&faber.invite("").await)).await;
    bob.reaches(&accepted["id"], "DONE").await;
    let second = faber.invite("").await;
    bob.accept(&url(&second)).await;
    let follow = "subscription { onConnectionReuse(after: \"0\") {
        cursor outcome connectionId invitationId threadId comment reason } }";
    let mut threads = Vec::new();
    for (agent, outcome) in [(&faber, "REUSED"), (&bob, "ACCEPTED")] {
        let mut socket = Socket::ready(agent).await;
        socket.subscribe("r", follow, Value::Null).await;
        let message = socket.next().await;
        let reuse = &message["payload"]["data"]["onConnectionReuse"];
        assert_eq!(reuse["outcome"], outcome, "{message}");
        assert_eq!(reuse["invitationId"], second["invi_msg_id"]);
        threads.push(reuse["threadId"].clone());
    }
    assert_eq!(threads[0], threads[1]);
}

#[tokio::test]
async fn what_the_protocol_does_not_allow_closes_the_socket() {
    let agent = Agent::start("Faber", |_| {}).await;
    let init = json!({"type": "connection_init"});
    let subscribe = json!({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}});
    let wrong = json!({"type": "connection_init", "payload": {"x-api-key": "wrong"}});
    for (messages, code) in [
        (vec![init.clone()], 4403),
        (vec![wrong], 4403),
        (vec![subscribe.clone()], 4401),
        (vec![json!({"type": "start"})], 4400),
        (vec![json!("text")], 4400),
    ] {
        let mut socket = Socket::open(&agent, &[PROTOCOL]).await.unwrap();
        for message in &messages {
            socket.send(message.clone()).await;
        }
        assert_eq!(socket.closed().await, code, "{messages:?}");
    }
    for (message, code) in [
        (init.clone(), 4429),
        (subscribe.clone(), 4409),
        (json!({"type": "subscribe", "id": "", "payload": {"query": "{ a }"}}), 4400),
    ] {
        let mut socket = Socket::ready(&agent).await;
        socket.send(subscribe.clone()).await;
        socket.send(message).await;
        assert_eq!(socket.closed().await, code);
    }
    let mut socket = Socket::ready(&agent).await;
    for id in 0..65 {
        socket.subscribe(&id.to_string(), FOLLOW, Value::Null).await;
    }
    assert_eq!(socket.closed().await, 1008);
    for headers in [vec![], vec![("sec-websocket-protocol", "graphql-ws")]] {
        assert!(
            matches!(Socket::open(&agent, &headers).await, Err(Error::Http(answer)) if answer.status() == 400)
        );
    }
}

#[tokio::test]
async fn a_key_may_come_by_a_header_or_as_a_bearer() {
    let agent = Agent::start("Faber", |_| {}).await;
    let bearer = format!("Bearer {KEY}");
    for (headers, payload) in [
        (vec![PROTOCOL, ("x-api-key", KEY)], json!(null)),
        (vec![PROTOCOL, ("authorization", bearer.as_str())], json!({})),
        (vec![PROTOCOL], json!({"Authorization": bearer})),
        (vec![PROTOCOL], json!({"X-API-Key": KEY})),
    ] {
        let mut socket = Socket::open(&agent, &headers).await.unwrap();
        socket.send(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.next().await, json!({"type": "connection_ack"}), "{payload}");
    }
    let open = Agent::start("Open", |config| config.callers = Callers::insecure()).await;
    let foreign = [PROTOCOL, ("origin", "https://evil.example")];
    assert!(
        matches!(Socket::open(&open, &foreign).await, Err(Error::Http(answer)) if answer.status() == 403)
    );
    let own = [PROTOCOL, ("origin", open.admin.as_str())];
    assert!(Socket::open(&open, &own).await.is_ok());
}

#[tokio::test]
async fn an_operation_that_is_refused_ends_with_an_error() {
    let agent = Agent::start("Faber", |_| {}).await;
    let mut socket = Socket::ready(&agent).await;
    for (document, after, code) in [
        (FOLLOW, json!("1000"), "CURSOR_IN_FUTURE"),
        (FOLLOW, json!("-1"), "INVALID_FIELD"),
        (FOLLOW, json!("x"), "INVALID_FIELD"),
        ("subscription { nothing }", json!(null), "INVALID_FIELD"),
        ("{", json!(null), "INVALID_FIELD"),
    ] {
        socket.subscribe("1", document, json!({"after": after})).await;
        let message = socket.next().await;
        let error = match message["type"].as_str().unwrap() {
            "error" => &message["payload"][0],
            _ => &message["payload"]["errors"][0],
        };
        assert_eq!(error["extensions"]["code"], code, "{message}");
        if message["type"] == "next" {
            assert_eq!(socket.next().await, json!({"type": "complete", "id": "1"}));
        }
    }
    agent.gateway.shutdown().await;
    assert_eq!(socket.closed().await, 1001);
}
