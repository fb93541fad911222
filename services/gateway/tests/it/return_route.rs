//! Replies on the transport that a message came by (RFC 0092).

use std::time::Duration;

use entente_rpc::DEFAULT_TENANT;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::{Connection, ListConnectionsRequest};
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::keystore::v1::{PackRequest, UnpackRequest};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::Agent;

/// A ping from one agent's end of its connection.
async fn ping(agent: &Agent, connection: &Connection, id: &str, return_route: &str) -> Vec<u8> {
    let ping = json!({"@type": "https://didcomm.org/trust_ping/1.0/ping", "@id": id,
        "~transport": {"return_route": return_route}});
    let request = PackRequest {
        plaintext: ping.to_string().into_bytes().into(),
        recipient_keys: vec![connection.their_key.clone()],
        sender_key: connection.my_key.clone(),
        ..PackRequest::default()
    };
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    let packed = KeystoreServiceClient::new(agent.keystore.link()).pack(request).await.unwrap();
    packed.into_inner().envelope.to_vec()
}

async fn open(agent: &Agent, envelope: Vec<u8>) -> Value {
    let request = for_tenant(
        DEFAULT_TENANT,
        UnpackRequest { envelope: envelope.into(), ..Default::default() },
    )
    .unwrap();
    let opened = KeystoreServiceClient::new(agent.keystore.link()).unpack(request).await.unwrap();
    serde_json::from_slice(&opened.into_inner().plaintext).unwrap()
}

#[tokio::test]
async fn replies_come_back_only_when_asked_for() {
    let alice = Agent::start("Alice", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    bob.receive(&alice.invite("").await).await;
    alice.active("").await;
    bob.active("").await;
    let request = for_tenant(DEFAULT_TENANT, ListConnectionsRequest::default()).unwrap();
    let list = ConnectionServiceClient::new(bob.connection.link())
        .list_connections(request)
        .await
        .unwrap();
    let connection = list.into_inner().connections.remove(0);

    let post = async |envelope: Vec<u8>| {
        let request =
            bob.http.post(&alice.config.endpoint).header("content-type", "didcomm-envelope-enc");
        request.body(envelope).send().await.unwrap()
    };
    let response = post(ping(&bob, &connection, "ping-0001", "none").await).await;
    assert_eq!(response.status(), 202);
    assert!(response.bytes().await.unwrap().is_empty());
    let response = post(ping(&bob, &connection, "ping-0002", "all").await).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/didcomm-envelope-enc");
    let reply = open(&bob, response.bytes().await.unwrap().to_vec()).await;
    assert_eq!(reply["@type"], "https://didcomm.org/trust_ping/1.0/ping_response");
    assert_eq!(reply["~thread"]["thid"], "ping-0002");

    let url = alice.config.endpoint.replace("http", "ws");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::binary(ping(&bob, &connection, "ping-0003", "none").await)).await.unwrap();
    let envelope = String::from_utf8(ping(&bob, &connection, "ping-0004", "all").await).unwrap();
    socket.send(Message::text(envelope)).await.unwrap();
    let reply = tokio::time::timeout(Duration::from_secs(5), socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(reply.is_text(), "as text, as it came");
    let reply = open(&bob, reply.into_data().to_vec()).await;
    assert_eq!(reply["~thread"]["thid"], "ping-0004", "the one before asked for none");
}
