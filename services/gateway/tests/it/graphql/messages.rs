use serde_json::{Value, json};

use super::connect;
use crate::agent::Agent;

const READ: &str = "query ($id: ID!, $page: PageInput) {
    connection(connectionId: $id) {
        basicMessages(page: $page) { items { id content timestamp direction } nextToken }
    } }";

async fn read(agent: &Agent, id: &Value, page: Value) -> (Vec<Value>, Value) {
    let data = agent.data(READ, json!({"id": id, "page": page})).await;
    let messages = &data["connection"]["basicMessages"];
    (messages["items"].as_array().unwrap().clone(), messages["nextToken"].clone())
}

async fn send(agent: &Agent, id: &Value, content: &str) -> Value {
    let document = "mutation ($id: ID!, $content: String!) {
        sendBasicMessage(connectionId: $id, content: $content) { id content timestamp direction } }";
    let mut sent = agent.data(document, json!({"id": id, "content": content})).await;
    sent["sendBasicMessage"].take()
}

#[tokio::test]
async fn messages_are_read_newest_first_on_both_sides() {
    let alice = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let (ours, theirs) = connect(&alice, &bob).await;
    let mut sent = Vec::new();
    for content in ["one", "two", "three"] {
        sent.insert(0, send(&alice, &ours["id"], content).await);
    }
    assert_eq!(sent[0]["direction"], "OUTBOUND");
    assert_eq!(read(&alice, &ours["id"], json!({})).await, (sent.clone(), Value::Null));
    let mut received = Vec::new();
    for _ in 0..200 {
        received = read(&bob, &theirs["id"], Value::Null).await.0;
        if received.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    for (received, sent) in received.iter().zip(&sent) {
        assert_eq!([&received["id"], &received["content"]], [&sent["id"], &sent["content"]]);
        assert_eq!(received["direction"], "INBOUND");
    }
    let (first, token) = read(&bob, &theirs["id"], json!({"limit": 2})).await;
    let (second, end) = read(&bob, &theirs["id"], json!({"limit": 2, "nextToken": token})).await;
    assert_eq!([first, second].concat(), received);
    assert_eq!(end, Value::Null);

    // A page of each connection in one list, and nothing once a connection is gone.
    let each = "{ connections { items { id basicMessages(page: { limit: 1 }) { items { content } nextToken } } } }";
    let data = alice.data(each, json!({})).await;
    assert_eq!(
        data["connections"]["items"][0]["basicMessages"]["items"],
        json!([{"content": "three"}])
    );
    let remove = "mutation ($id: ID!) { deleteConnection(connectionId: $id) }";
    alice.data(remove, json!({"id": ours["id"]})).await;
    let document =
        "mutation ($id: ID!) { sendBasicMessage(connectionId: $id, content: \"\") { id } }";
    let (code, path) = alice.refused(document, json!({"id": ours["id"]})).await;
    assert_eq!((code.as_str(), path), ("NOT_FOUND", json!(["sendBasicMessage"])));
}
