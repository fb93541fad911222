//! What Identus does not have: invitations for many, and connections that are used again.

use entente_tests::identus::Reach;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::pair::{Pair, REQUEST, url};

#[tokio::test]
async fn an_invitation_for_many_makes_a_connection_for_each() {
    let Some(pair) = Pair::start().await else { return };
    let created = pair.entente.create(json!({ "multiUse": true })).await;
    let id = created["invitation"]["id"].as_str().unwrap();
    let join = async |reach| {
        let agent = pair.identus.agent(reach).await;
        agent.accept(url(&created)).await.unwrap();
        let theirs = agent.until(id, "ConnectionResponseReceived").await;
        (agent, theirs)
    };
    let reaches = [Reach::Direct, Reach::ReturnRoute, Reach::Mediator];
    let joined = join_all(reaches.map(join)).await;
    pair.until_count(joined.len()).await;
    for (agent, theirs) in joined {
        assert_eq!(theirs["theirDid"], created["invitation"]["from"]);
        let ours = pair.suite.connection_with(theirs["myDid"].as_str().unwrap()).await;
        let ours = pair.entente.connection(&ours.id.into()).await;
        assert_eq!(ours["state"], "ConnectionResponseSent", "{ours}");
        pair.settle(&agent, &theirs).await;
    }
}

#[tokio::test]
async fn an_inviter_that_is_known_is_not_connected_twice() {
    let Some(pair) = Pair::start().await else { return };
    let inviter = pair.identus.agent(Reach::Direct).await;
    let first = inviter.invite(json!({})).await;
    let accepted = pair.entente.accept(&first["oob"]).await;
    let (theirs, ours) = pair.until_connected(&inviter, &accepted).await;

    let second = inviter.invite(json!({ "did": first["did"] })).await;
    assert_ne!(second["invitation"]["id"], first["invitation"]["id"]);
    let again: Value = pair.entente.accept(&second["oob"]).await;
    assert_eq!(again["connectionId"], ours["connectionId"], "{again}");
    assert_eq!(again["state"], "ConnectionResponseReceived", "{again}");
    pair.talk(&inviter, &theirs, &ours).await;
    assert_eq!(inviter.received(REQUEST).await.len(), 1);
    assert_eq!(pair.suite.all_connections().await.len(), 1);
}
