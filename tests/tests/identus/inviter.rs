//! We accept their invitations.

use entente_tests::identus::{Agent, Reach};
use serde_json::{Value, json};

use crate::pair::{Pair, REQUEST};

#[tokio::test]
async fn we_connect_by_what_any_of_them_writes() {
    let Some(pair) = Pair::start().await else { return };
    let inviter = pair.identus.agent(Reach::Direct).await;
    let mut dids = Vec::new();
    for shape in ["cloud-agent", "old-cloud-agent", "sdk"] {
        let ours = connect(&pair, &inviter, json!({ "shape": shape, "goal": "to try it" })).await;
        assert_eq!(ours["goal"], "to try it", "{ours}");
        let did = ours["myDid"].as_str().unwrap().to_owned();
        assert!(!dids.contains(&did), "a new DID for each: {did}");
        dids.push(did);
    }
    let ours = connect(&pair, &inviter, json!({ "shape": "old-cloud-agent" })).await;
    assert!(ours.get("goal").is_none(), "{ours}");
}

#[tokio::test]
async fn we_connect_to_a_wallet_behind_a_mediator() {
    let Some(pair) = Pair::start().await else { return };
    for reach in [Reach::Mediator, Reach::Routed] {
        let inviter = pair.identus.agent(reach).await;
        let ours = connect(&pair, &inviter, json!({})).await;
        let forwarded = pair.identus.forwarded_to(ours["theirDid"].as_str().unwrap()).await;
        assert!(!forwarded.contains(&false), "{reach:?}: {forwarded:?}");
    }
}

async fn connect(pair: &Pair, inviter: &Agent, options: Value) -> Value {
    let made = inviter.invite(options).await;
    let accepted = pair.entente.accept(&made["oob"]).await;
    assert_eq!(accepted["role"], "Invitee", "{accepted}");
    assert_eq!(accepted["state"], "ConnectionRequestPending", "{accepted}");
    assert_eq!(accepted["invitation"]["from"], made["did"], "{accepted}");
    assert_ne!(accepted["connectionId"], made["invitation"]["id"], "{accepted}");
    let (theirs, ours) = pair.until_connected(inviter, &accepted).await;
    assert_eq!(ours["theirDid"], made["did"], "{ours}");

    let requests = inviter.received(REQUEST).await;
    let for_it: Vec<_> = requests.iter().filter(|one| one["thid"] == ours["thid"]).collect();
    let [request] = for_it[..] else { panic!("one request: {for_it:?}") };
    assert_eq!(request["from"], ours["myDid"], "{request}");
    assert_eq!(request["to"], json!([made["did"]]), "{request}");
    assert_eq!(request["pthid"], ours["thid"], "{request}");
    // The SDK does not tell who sent what it picked up.
    if let Some(sender) = request["sender"].as_str() {
        assert_eq!(sender, format!("{}#key-1", theirs["theirDid"].as_str().unwrap()));
    }
    assert!(request["body"]["accept"].is_array(), "{request}");
    assert!(request["created_time"].is_u64(), "{request}");
    pair.talk(inviter, &theirs, &ours).await;
    ours
}
