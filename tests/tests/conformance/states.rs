//! The names of states, as an agent's owner sees them (RFC 0023).

use entente_tests::peer::{kind, request};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(states_have_the_names_of_the_rfc);

async fn state(suite: &Suite, invitation_id: &str) -> Value {
    let path = format!("/connections?invitation_msg_id={invitation_id}");
    let found = suite.json("GET", &path, Value::Null).await;
    found["results"][0]["rfc23_state"].clone()
}

async fn states_have_the_names_of_the_rfc(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    assert_eq!(state(suite, &invitation.id).await, "response-sent");
    peer.complete(suite, &invitation, &response).await;
    assert_eq!(state(suite, &invitation.id).await, "completed");

    let peer = Peer::start().await;
    let invitation = peer.invitation(json!({}));
    let id = invitation["@id"].as_str().unwrap();
    suite.receive(&invitation).await;
    let request = peer.listener.next().await.message;
    assert_eq!(kind(&request), "didexchange/1.1/request");
    assert_eq!(state(suite, id).await, "request-sent");
    peer.respond(suite, &request).await;
    assert_eq!(state(suite, id).await, "completed");
}
