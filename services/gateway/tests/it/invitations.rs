use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::Agent;

#[tokio::test]
async fn inline_keys_make_a_connection_each() {
    let alice = Agent::start("Alice", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let body = json!({"handshake_protocols": ["didexchange/1.1"], "alias": "crowd"});
    let path = "/out-of-band/create-invitation?multi_use=true";
    let invitation = alice.json("POST", path, body).await;
    assert!(invitation["invitation"]["services"][0]["recipientKeys"].is_array(), "{invitation}");
    let carol = Agent::start("Carol", |_| {}).await;
    for guest in [&bob, &carol] {
        assert_eq!(guest.receive(&invitation).await["state"], "done");
        let key = guest.active("").await["invitation_key"].as_str().unwrap().to_owned();
        assert!(!key.starts_with("z6Mk"), "base58, not multibase: {key}");
        let found =
            guest.json("GET", &format!("/connections?invitation_key={key}"), Value::Null).await;
        assert_eq!(found["results"].as_array().unwrap().len(), 1);
    }
    let id = invitation["invi_msg_id"].as_str().unwrap();
    for _ in 0..100 {
        let path = format!("/connections?invitation_msg_id={id}&state=completed");
        let found = alice.json("GET", &path, Value::Null).await;
        let records = found["results"].as_array().unwrap();
        if records.len() == 2 {
            assert!(records.iter().all(|record| record["alias"] == "crowd"), "{records:?}");
            assert!(records.iter().all(|record| record["invitation_mode"] == "multi"));
            let newest =
                alice.json("GET", "/connections?limit=1&descending=true", Value::Null).await;
            assert_eq!(newest["results"][0], records[1]);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("two connections were expected");
}

#[tokio::test]
async fn invitations_are_records_of_their_own() {
    let alice = Agent::start("Alice", |_| {}).await;
    assert_eq!(alice.json("GET", "/status/ready", Value::Null).await, json!({"ready": true}));
    let single = alice.invite("").await;
    let multi = alice.invite("?multi_use=true").await;
    let connections = alice.json("GET", "/connections", Value::Null).await;
    assert_eq!(
        connections["results"].as_array().unwrap().len(),
        1,
        "a multi-use invitation is no connection"
    );
    let records = alice.json("GET", "/out-of-band/records?role=sender", Value::Null).await;
    assert_eq!(records["results"].as_array().unwrap().len(), 2);
    let page = alice.json("GET", "/out-of-band/records?limit=1&offset=1", Value::Null).await;
    assert_eq!(page["results"][0]["oob_id"], multi["oob_id"]);
    let id = multi["invi_msg_id"].as_str().unwrap();
    let found =
        alice.json("GET", &format!("/out-of-band/records?invi_msg_id={id}"), Value::Null).await;
    assert_eq!(found["results"][0]["multi_use"], true);
    let waiting = connections["results"][0]["connection_id"].as_str().unwrap();
    let found = alice
        .json("GET", &format!("/out-of-band/records?connection_id={waiting}"), Value::Null)
        .await;
    assert_eq!(found["results"][0]["oob_id"], single["oob_id"]);
    let fetched =
        alice.json("GET", &format!("/out-of-band/invitations?oob_id={id}"), Value::Null).await;
    assert_eq!(
        (&fetched["state"], &fetched["invitation"]),
        (&json!("await-response"), &multi["invitation"])
    );
    let path = format!("/out-of-band/invitations/{id}");
    assert_eq!(alice.json("DELETE", &path, Value::Null).await, json!({}));
    assert_eq!(alice.call("DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(
        alice.call("GET", &format!("/out-of-band/invitations?oob_id={id}"), Value::Null).await.0,
        404
    );
    let bad = json!({"@type": "https://didcomm.org/out-of-band/1.1/invitation", "@id": "12345678"});
    let (status, text) = alice.call("POST", "/out-of-band/receive-invitation", bad).await;
    assert_eq!(status, 422, "{text}");
}
