//! They accept our invitations.

use entente_tests::identus::{Agent, Reach};
use serde_json::{Value, json};

use crate::pair::{Pair, RESPONSE, url};

#[tokio::test]
async fn a_listening_agent_connects() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::Direct).await;
    connect(&pair, &agent, false).await;
    connect(&pair, &agent, true).await;
    assert_eq!(pair.suite.all_connections().await.len(), 2);
}

#[tokio::test]
async fn an_agent_that_does_not_listen_takes_replies_in_answers() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::ReturnRoute).await;
    let created = pair.entente.create(json!({ "goal": "to try it" })).await;
    agent.accept(url(&created)).await.unwrap();
    // The response was in the answer to the request.
    assert_eq!(agent.connections().await[0]["state"], "ConnectionResponseReceived");
    let (theirs, ours) = pair.until_connected(&agent, &created).await;
    response_is_right(&agent, &theirs, &ours).await;
    pair.hear(&agent, &theirs, &ours).await;
}

#[tokio::test]
async fn a_wallet_behind_a_mediator_connects() {
    let Some(pair) = Pair::start().await else { return };
    for reach in [Reach::Mediator, Reach::Routed] {
        let agent = pair.identus.agent(reach).await;
        let theirs = connect(&pair, &agent, false).await;
        let forwarded = pair.identus.forwarded_to(theirs["myDid"].as_str().unwrap()).await;
        // The response, the answer to a ping, a ping and a text. Nobody is to learn from whom.
        assert_eq!(forwarded, [true; 4], "{reach:?}");
    }
}

#[tokio::test]
async fn the_sdk_reads_whatever_we_write() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::Direct).await;
    // It takes the standard alphabet of base64 only, in which `-` and `_` are not.
    for goal in ["Grüße >>>???~~~", "\u{1f980}\u{7f}\"\\/", "ÿþýüûúùø", ""] {
        let created = pair.entente.create(json!({ "goal": goal, "goalCode": goal })).await;
        let read = agent.read(url(&created)).await.unwrap();
        assert_eq!(read["id"], created["invitation"]["id"]);
        assert_eq!(read["from"], created["invitation"]["from"]);
        let said = |field: &str| read["body"][field].as_str().unwrap_or_default().to_owned();
        assert_eq!((said("goal"), said("goal_code")), (goal.to_owned(), goal.to_owned()));
    }
}

async fn connect(pair: &Pair, agent: &Agent, as_cloud_agent: bool) -> Value {
    let created = pair.entente.create(json!({ "label": "Alice", "goal": "to try it" })).await;
    is_offered(&created);
    let accepted = match as_cloud_agent {
        true => agent.accept_as_cloud_agent(url(&created)).await,
        false => agent.accept(url(&created)).await,
    };
    let accepted = accepted.unwrap();
    assert_eq!(accepted["theirDid"], created["invitation"]["from"]);
    let (theirs, ours) = pair.until_connected(agent, &created).await;
    assert_eq!(ours["label"], "Alice", "{ours}");
    response_is_right(agent, &theirs, &ours).await;
    pair.talk(agent, &theirs, &ours).await;
    theirs
}

/// What the Cloud Agent answers to `POST /connections`.
fn is_offered(created: &Value) {
    let invitation = &created["invitation"];
    assert_eq!(created["state"], "InvitationGenerated", "{created}");
    assert_eq!(created["role"], "Inviter", "{created}");
    assert_eq!(created["goal"], "to try it", "{created}");
    assert_eq!(created["connectionId"], invitation["id"], "{created}");
    assert_eq!(created["thid"], invitation["id"], "{created}");
    assert_eq!(invitation["type"], "https://didcomm.org/out-of-band/2.0/invitation");
    assert!(invitation["from"].as_str().unwrap().starts_with("did:peer:2.Ez6LS"), "{created}");
}

/// What the Cloud Agent would have sent.
async fn response_is_right(agent: &Agent, theirs: &Value, ours: &Value) {
    let responses = agent.received(RESPONSE).await;
    let to_it: Vec<_> = responses.iter().filter(|one| one["thid"] == theirs["thid"]).collect();
    let [response] = to_it[..] else { panic!("one response: {to_it:?}") };
    assert_eq!(response["from"], ours["invitation"]["from"], "{response}");
    assert_eq!(response["to"], json!([theirs["myDid"]]), "{response}");
    assert_eq!(response["body"]["goal"], "to try it", "{response}");
    assert!(response["body"]["accept"].is_array(), "{response}");
    assert!(response["created_time"].is_u64(), "{response}");
}
