use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::controller::{Controller, hooks, settled};

#[tokio::test]
async fn two_agents_connect_and_reuse_the_connection() {
    let (faber, guest) = (Controller::default(), Controller::default());
    let (faber_url, guest_url) = (faber.listen().await, guest.listen().await);
    let alice = Agent::start("Alice", hooks(faber_url.clone())).await;
    let bob = Agent::start("Bob", hooks(guest_url.clone())).await;
    settled(&alice, &faber_url).await;
    settled(&bob, &guest_url).await;

    let first = alice.invite("").await;
    assert_eq!(first["state"], "initial");
    assert_eq!(first["invitation"]["goal"], "talk", "ACA-Py drops it");
    let waiting = alice.json("GET", "/connections?state=invitation", Value::Null).await;
    assert_eq!(waiting["results"][0]["invitation_msg_id"], first["invi_msg_id"]);

    let received = bob.receive(&first).await;
    assert_eq!(received["role"], "receiver");
    assert_eq!(received["state"], "done");
    let (ours, theirs) = (alice.active("").await, bob.active("").await);
    assert_eq!(theirs["connection_id"], received["connection_id"]);
    assert_eq!(
        (&ours["rfc23_state"], &ours["their_role"]),
        (&json!("completed"), &json!("invitee"))
    );
    assert_eq!((&ours["their_label"], &theirs["their_label"]), (&json!("Bob"), &json!("Alice")));
    assert_eq!((&ours["my_did"], &ours["their_did"]), (&theirs["their_did"], &theirs["my_did"]));
    assert_eq!(ours["alias"], "guest");
    let id = ours["connection_id"].as_str().unwrap();
    assert_eq!(
        alice.json("GET", &format!("/connections/{id}"), Value::Null).await["state"],
        "active"
    );
    let path = format!("/connections/{id}/metadata");
    assert_eq!(alice.json("GET", &path, Value::Null).await, json!({"results": {"campaign": 7}}));
    let set = alice.json("POST", &path, json!({"metadata": {"vip": true}})).await;
    assert_eq!(set, json!({"results": {"campaign": 7, "vip": true}}));
    let endpoints = alice.json("GET", &format!("/connections/{id}/endpoints"), Value::Null).await;
    assert_eq!(endpoints["their_endpoint"], bob.config.endpoint);

    faber.until("connections", |record| record["state"] == "active").await;
    let states: Vec<_> =
        faber.of("connections").iter().map(|told| told.payload["rfc23_state"].clone()).collect();
    assert_eq!(states, ["invitation-sent", "request-received", "response-sent", "completed"]);
    assert!(faber.of("connections").iter().all(|told| told.key == "hook-key"));

    let second = alice.invite("").await;
    let received = bob.receive(&second).await;
    assert_eq!(
        (&received["state"], &received["connection_id"]),
        (&json!("reuse-accepted"), &theirs["connection_id"])
    );
    let reuse = faber.until("connection_reuse", |_| true).await.payload;
    assert_eq!(reuse["connection_id"], ours["connection_id"]);
    let accepted = guest.until("connection_reuse_accepted", |_| true).await.payload;
    assert_eq!(
        (&accepted["state"], &accepted["thread_id"]),
        (&json!("accepted"), &reuse["thread_id"])
    );
    assert_eq!(
        bob.json("GET", "/connections", Value::Null).await["results"].as_array().unwrap().len(),
        1
    );

    let body = json!({"content": "hello"});
    bob.json(
        "POST",
        &format!("/connections/{}/send-message", theirs["connection_id"].as_str().unwrap()),
        body,
    )
    .await;
    let message = faber.until("basicmessages", |_| true).await.payload;
    assert_eq!(
        (&message["content"], &message["connection_id"]),
        (&json!("hello"), &ours["connection_id"])
    );
    let ping =
        alice.json("POST", &format!("/connections/{id}/send-ping"), json!({"comment": "hi"})).await;
    let answer = faber.until("ping", |ping| ping["state"] == "response_received").await.payload;
    assert_eq!(answer["thread_id"], ping["thread_id"]);
    assert_eq!(guest.until("ping", |_| true).await.payload["comment"], "hi");

    assert_eq!(alice.json("DELETE", &format!("/connections/{id}"), Value::Null).await, json!({}));
    assert_eq!(alice.call("GET", &format!("/connections/{id}"), Value::Null).await.0, 404);
    faber.until("connections", |record| record["state"] == "deleted").await;
}

#[tokio::test]
async fn a_handshake_waits_for_its_owners() {
    let alice = Agent::start("Alice", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let invitation = alice.invite("?auto_accept=false").await;
    let body = invitation["invitation"].clone();
    let received =
        bob.json("POST", "/out-of-band/receive-invitation?auto_accept=false", body).await;
    let id = received["connection_id"].as_str().unwrap().to_owned();
    let record = bob.json("GET", &format!("/connections/{id}"), Value::Null).await;
    assert_eq!(
        (&record["rfc23_state"], &record["accept"]),
        (&json!("invitation-received"), &json!("manual"))
    );
    let (status, text) =
        bob.call("POST", &format!("/didexchange/{id}/accept-request"), Value::Null).await;
    assert_eq!(status, 400, "{text}");
    let (status, text) = bob.call("POST", &format!("/connections/{id}/send-ping"), json!({})).await;
    assert_eq!((status, text.contains("INVITATION")), (400, true), "{text}");
    bob.json("POST", &format!("/didexchange/{id}/accept-invitation?my_label=Robert"), Value::Null)
        .await;
    let mut request = Value::Null;
    for _ in 0..100 {
        let found = alice.json("GET", "/connections?state=request-received", Value::Null).await;
        request = found["results"][0].clone();
        if !request.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(request["their_label"], "Robert");
    let request = request["connection_id"].as_str().unwrap();
    alice.json("POST", &format!("/didexchange/{request}/accept-request"), Value::Null).await;
    assert_eq!(bob.active("").await["connection_id"].as_str().unwrap(), id);
    assert_eq!(
        alice.active("&connection_protocol=didexchange/1.1").await["connection_id"]
            .as_str()
            .unwrap(),
        request
    );
}
