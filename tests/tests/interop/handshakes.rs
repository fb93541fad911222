//! Connections are made, and reused.

use entente_tests::acapy::{Agent, did, text};
use serde_json::Value;

use crate::pair::{Connected, Pair, accept, connect, with_did, with_key};

#[tokio::test]
async fn a_second_invitation_with_the_same_did_reuses_the_connection() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for method in ["did:peer:2", "did:peer:4"] {
            let connected = connect(inviter, invitee, &with_did(method)).await;
            dids_match(inviter, invitee, &connected).await;
            for query in ["multi_use=false", "multi_use=true"] {
                reuse(inviter, invitee, &connected, query, method).await;
            }
        }
    }
}

/// Accepts a second invitation, which both sides take for the connection that they have.
async fn reuse(inviter: &Agent, invitee: &Agent, first: &Connected, query: &str, method: &str) {
    let before = (inviter.active().await, invitee.active().await);
    let second = inviter.create_invitation(query, &with_did(method)).await;
    assert_eq!(second["invitation"]["services"], first.invitation["services"]);
    let record = invitee.receive_invitation(&second["invitation"]).await;
    assert_eq!(record["state"], "reuse-accepted", "{record}");
    assert_eq!(record["connection_id"], first.invitee.as_str(), "{record}");

    let invitation_id = text(&second, "invi_msg_id");
    let about = |event: &Value| event["comment"].to_string().contains(&invitation_id);
    let reused = inviter.controller.until("connection_reuse", about).await;
    assert_eq!(reused["connection_id"], first.inviter.as_str(), "{reused}");
    let thread = reused["thread_id"].clone();
    let about = |event: &Value| event["thread_id"] == thread;
    let accepted = invitee.controller.until("connection_reuse_accepted", about).await;
    assert_eq!(accepted["connection_id"], first.invitee.as_str(), "{accepted}");
    assert_eq!(accepted["state"], "accepted", "{accepted}");
    assert_eq!((inviter.active().await, invitee.active().await), before);
}

#[tokio::test]
async fn an_inline_key_makes_a_connection_by_either_version() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for version in ["1.0", "1.1"] {
            let invitation = inviter.create_invitation("", &with_key(version)).await;
            assert!(invitation["invitation"]["services"][0].is_object(), "{invitation}");
            let connected = accept(inviter, invitee, &invitation).await;
            let record = dids_match(inviter, invitee, &connected).await;
            for found in ["my_did", "their_did"].map(|field| text(&record, field)) {
                let qualified = found.starts_with("did:peer:4");
                assert!(qualified || !found.contains(':'), "{found}");
                assert_eq!(qualified, version == "1.1", "{found}");
            }
        }
    }
}

/// Each side's DID is what the other side takes for it.
async fn dids_match(inviter: &Agent, invitee: &Agent, connected: &Connected) -> Value {
    let at_inviter = inviter.connection(&connected.inviter).await.unwrap();
    let at_invitee = invitee.connection(&connected.invitee).await.unwrap();
    assert_eq!(did(&at_inviter, "my_did"), did(&at_invitee, "their_did"));
    assert_eq!(did(&at_inviter, "their_did"), did(&at_invitee, "my_did"));
    assert_eq!(at_inviter["connection_protocol"], at_invitee["connection_protocol"]);
    assert_eq!(at_inviter["their_label"], invitee.name.as_str());
    assert_eq!(at_invitee["their_label"], inviter.name.as_str());
    at_inviter
}
