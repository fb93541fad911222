//! The two sides.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{SendBasicMessageRequest, SendPingRequest};
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_tests::Suite;
use entente_tests::identus::{Agent, CloudAgent, Identus};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

pub const REQUEST: &str = "https://atalaprism.io/mercury/connections/1.0/request";
pub const RESPONSE: &str = "https://atalaprism.io/mercury/connections/1.0/response";
pub const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
pub const PONG: &str = "https://didcomm.org/trust-ping/2.0/ping-response";
const TEXT: &str = "https://didcomm.org/basicmessage/2.0/message";

/// An Entente, and a program with agents of the other kind.
pub struct Pair {
    pub suite: Suite,
    /// Our agent as its owner sees it.
    pub entente: CloudAgent,
    pub identus: Identus,
}

impl Pair {
    /// None where there is no Node.
    pub async fn start() -> Option<Self> {
        let identus = Identus::start().await?;
        let suite = Suite::start().await;
        let entente = CloudAgent::of(&suite);
        Some(Self { suite, entente, identus })
    }

    /// Waits until both know a connection by the same DIDs; how each sees it: the peer, and we.
    pub async fn until_connected(&self, peer: &Agent, ours: &Value) -> (Value, Value) {
        let (here, there) = match ours["role"].as_str() {
            Some("Inviter") => ("ConnectionResponseSent", "ConnectionResponseReceived"),
            _ => ("ConnectionResponseReceived", "ConnectionResponseSent"),
        };
        let invitation = ours["invitation"]["id"].as_str().expect("an invitation's id");
        let theirs = peer.until(invitation, there).await;
        let ours = self.entente.until(&ours["connectionId"], here).await;
        assert_eq!(ours["thid"], invitation, "{ours}");
        assert_eq!(ours["myDid"], theirs["theirDid"], "{ours}");
        assert_eq!(ours["theirDid"], theirs["myDid"], "{ours}");
        (theirs, ours)
    }

    /// How we see a connection once it has a state and nothing of it is under way.
    pub async fn settled(&self, ours: &Value, state: &str) -> Value {
        self.entente.until(&ours["connectionId"], state).await;
        let invitation = ours["invitation"]["id"].as_str().expect("an invitation's id");
        self.suite.settled_exchange_of(invitation).await;
        self.entente.connection(&ours["connectionId"]).await
    }

    /// Pings and texts, both ways.
    pub async fn talk(&self, peer: &Agent, theirs: &Value, ours: &Value) {
        self.hear(peer, theirs, ours).await;
        self.tell(peer, theirs, ours).await;
    }

    /// What the peer says is heard and answered here.
    pub async fn hear(&self, peer: &Agent, theirs: &Value, ours: &Value) {
        let ping = peer.say(theirs, PING, json!({})).await.unwrap();
        let pong = peer.until_received(PONG, |pong| pong["thid"] == ping.as_str()).await;
        assert_eq!(pong["from"], theirs["theirDid"], "{pong}");
        assert_eq!(pong["to"], json!([theirs["myDid"]]), "{pong}");

        let content = format!("Grüße, {ping} \u{1f980}");
        peer.say(theirs, TEXT, json!({ "content": content })).await.unwrap();
        let text = self.until_event(EventKind::BasicMessageReceived, &content).await;
        assert_eq!(text.connection_id, ours["connectionId"]);
    }

    /// What is said here is heard and answered by the peer.
    async fn tell(&self, peer: &Agent, theirs: &Value, ours: &Value) {
        let connection_id = ours["connectionId"].as_str().unwrap().to_owned();
        let request =
            SendPingRequest { connection_id: connection_id.clone(), ..Default::default() };
        let ping = self.suite.messages().send_ping(request).await.unwrap().into_inner().thread_id;
        let pong = self.until_event(EventKind::PingResponseReceived, &ping).await;
        assert_eq!(pong.connection_id, connection_id);

        let content = format!("Grüße zurück, {ping} \u{1f980}");
        let request = SendBasicMessageRequest {
            connection_id,
            content: content.clone(),
            ..Default::default()
        };
        self.suite.messages().send_basic_message(request).await.unwrap();
        let said = |text: &Value| text["body"]["content"] == content.as_str();
        let text = peer.until_received(TEXT, said).await;
        assert_eq!(text["from"], theirs["theirDid"], "{text}");
    }

    /// Waits for an event of a kind in which some words are.
    async fn until_event(&self, kind: EventKind, words: &str) -> Event {
        let about = |event: &Event| {
            let message = match &event.record {
                Some(entente_rpc::proto::event::v1::event::Record::Message(message)) => message,
                _ => return false,
            };
            event.kind() == kind
                && (message.thread_id == words || message.message_json.contains(words))
        };
        let found = |events: &[Event]| events.iter().any(about);
        let events = self.suite.events_until(found, Duration::from_secs(30)).await;
        events.into_iter().find(about).expect("it was found")
    }

    /// Waits until all is there that we sent on a connection before: messages keep their order.
    pub async fn settle(&self, peer: &Agent, theirs: &Value) {
        let ping = peer.say(theirs, PING, json!({})).await.unwrap();
        peer.until_received(PONG, |pong| pong["thid"] == ping.as_str()).await;
    }

    /// Checks that a connection is still in a state.
    pub async fn stays(&self, connection: &Value, state: &str) {
        let found = self.entente.connection(&connection["connectionId"]).await;
        assert_eq!(found["state"], state, "{found}");
    }

    /// A connection by a new invitation of ours.
    pub async fn connect(&self, peer: &Agent) -> (Value, Value) {
        let created = self.entente.create(json!({})).await;
        peer.accept(url(&created)).await.unwrap();
        self.until_connected(peer, &created).await
    }

    /// Waits until there are so many connections.
    pub async fn until_count(&self, count: usize) {
        eventually(&format!("{count} connections"), async || {
            (self.suite.all_connections().await.len() == count).then_some(())
        })
        .await;
    }
}

/// The URL of an invitation.
pub fn url(connection: &Value) -> &str {
    connection["invitation"]["invitationUrl"].as_str().expect("a URL")
}
