//! Envelopes that somebody else made, changed, or sends once more.

use entente_tests::identus::{Reach, post};
use serde_json::{Value, json};

use crate::pair::{Pair, REQUEST, RESPONSE, url};

/// An exchange of ours that waits for the response of `peer`, which says nothing by itself.
struct Waiting {
    peer: entente_tests::identus::Agent,
    ours: Value,
    request: Value,
}

impl Waiting {
    async fn start(pair: &Pair) -> Self {
        let peer = pair.identus.agent(Reach::Direct).await;
        let made = peer.invite(json!({ "silent": true })).await;
        let accepted = pair.entente.accept(&made["oob"]).await;
        let ours = pair.entente.until(&accepted["connectionId"], "ConnectionRequestSent").await;
        let request = peer.until_received(REQUEST, |one| one["thid"] == ours["thid"]).await;
        Self { peer, ours, request }
    }

    /// The response that is waited for, with some fields changed.
    fn response(&self, changed: Value) -> Value {
        let mut response = json!({
            "id": uuid::Uuid::new_v4().to_string(),
            "type": RESPONSE,
            "from": self.request["to"][0],
            "to": [self.request["from"]],
            "thid": self.request["thid"],
            "pthid": self.request["thid"],
            "body": self.request["body"],
        });
        let Value::Object(changed) = changed else { panic!("fields are an object") };
        response.as_object_mut().unwrap().extend(changed);
        response
    }

    fn inviter(&self) -> &str {
        self.request["to"][0].as_str().unwrap()
    }

    fn us(&self) -> &str {
        self.request["from"].as_str().unwrap()
    }

    async fn pack(&self, message: &Value, from: Option<&str>) -> (String, String) {
        self.peer.pack(message, from, self.us()).await
    }

    /// Whatever was tried, the right response connects.
    async fn end(self, pair: &Pair) -> Value {
        pair.stays(&self.ours, "ConnectionRequestSent").await;
        assert!(pair.suite.all_connections().await.is_empty());
        let (envelope, endpoint) = self.pack(&self.response(json!({})), Some(self.inviter())).await;
        let (status, body) = post(&endpoint, envelope).await;
        assert!((200..300).contains(&status), "{status} {body}");
        pair.entente.until(&self.ours["connectionId"], "ConnectionResponseReceived").await
    }
}

#[tokio::test]
async fn a_response_is_from_who_invited() {
    let Some(pair) = Pair::start().await else { return };
    let waiting = Waiting::start(&pair).await;
    let stranger = waiting.peer.did().await;
    let forgeries = [
        // Somebody else, who says so.
        (waiting.response(json!({ "from": stranger })), Some(stranger.as_str())),
        // Nobody, who claims to be the inviter.
        (waiting.response(json!({})), None),
        // The inviter, about another invitation.
        (waiting.response(json!({ "thid": "another" })), Some(waiting.inviter())),
    ];
    for (message, from) in &forgeries {
        let (envelope, endpoint) = waiting.pack(message, *from).await;
        let (status, body) = post(&endpoint, envelope).await;
        assert!(status >= 400, "{message}: {status} {body}");
    }
    let connected = waiting.end(&pair).await;
    assert_ne!(connected["theirDid"], stranger);
}

#[tokio::test]
async fn a_changed_envelope_is_refused() {
    let Some(pair) = Pair::start().await else { return };
    let waiting = Waiting::start(&pair).await;
    let (envelope, endpoint) =
        waiting.pack(&waiting.response(json!({})), Some(waiting.inviter())).await;
    let right: Value = serde_json::from_str(&envelope).unwrap();
    let mut answers = Vec::new();
    for place in ["/protected", "/iv", "/ciphertext", "/tag", "/recipients/0/encrypted_key"] {
        let mut changed = right.clone();
        let field = changed.pointer_mut(place).unwrap();
        *field = change(field.as_str().unwrap()).into();
        let (status, body) = post(&endpoint, changed.to_string()).await;
        assert!((400..500).contains(&status), "{place}: {status} {body}");
        if place != "/protected" {
            answers.push((status, body));
        }
    }
    // Nothing tells an attacker which of the checks failed.
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    waiting.end(&pair).await;
}

/// Another character in the middle: all of its bits count.
fn change(encoded: &str) -> String {
    let middle = encoded.len() / 2;
    let other = if encoded[middle..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &encoded[..middle], &encoded[middle + 1..])
}

#[tokio::test]
async fn a_request_sent_twice_makes_one_connection() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::Direct).await;
    let created = pair.entente.create(json!({})).await;
    let from = agent.did().await;
    let to = created["invitation"]["from"].as_str().unwrap();
    let request = json!({
        "id": uuid::Uuid::new_v4().to_string(), "type": REQUEST, "from": from, "to": [to],
        "thid": created["thid"], "body": { "accept": [] },
    });
    let (envelope, endpoint) = agent.pack(&request, Some(&from), to).await;
    assert!(post(&endpoint, envelope.clone()).await.0 < 300, "{}", url(&created));
    let before = pair.entente.until(&created["connectionId"], "ConnectionResponseSent").await;
    // The same envelope, and the same message in another envelope.
    post(&endpoint, envelope).await;
    let (envelope, _) = agent.pack(&request, Some(&from), to).await;
    post(&endpoint, envelope).await;

    let connections = pair.entente.connections().await;
    let found: Vec<_> = connections.iter().map(|found| &found["connectionId"]).collect();
    assert_eq!(found, [&before["connectionId"]]);
    let on = json!({ "myDid": from, "theirDid": to });
    pair.settle(&agent, &on).await;
    assert_eq!(agent.received(RESPONSE).await.len(), 1);
}

#[tokio::test]
async fn a_response_sent_twice_changes_nothing() {
    let Some(pair) = Pair::start().await else { return };
    let waiting = Waiting::start(&pair).await;
    let message = waiting.response(json!({}));
    let (envelope, endpoint) = waiting.pack(&message, Some(waiting.inviter())).await;
    assert!(post(&endpoint, envelope.clone()).await.0 < 300);
    let before = pair.settled(&waiting.ours, "ConnectionResponseReceived").await;
    let counts = pair.suite.counts().await;
    post(&endpoint, envelope).await;
    let (envelope, _) = waiting.pack(&message, Some(waiting.inviter())).await;
    post(&endpoint, envelope).await;
    assert_eq!(pair.entente.connections().await, [before]);
    assert_eq!(pair.suite.counts().await, counts);
}
