//! Connections are made, and reused.

use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, DidMethod};
use entente_tests::acapy::{Agent, did, text};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use crate::pair::{Connected, Pair, accept, connect, with_did, with_key};

#[tokio::test]
async fn a_second_invitation_with_the_same_did_reuses_the_connection() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for method in ["did:peer:2", "did:peer:4"] {
            let connected = connect(inviter, invitee, &with_did(method)).await;
            dids_match(inviter, invitee, &connected).await;
            for (query, version) in [("multi_use=false", "1.1"), ("multi_use=true", "1.0")] {
                let mut offer = with_did(method);
                offer["protocol_version"] = version.into();
                reuse(inviter, invitee, &connected, query, &offer).await;
            }
        }
    }
}

/// Accepts a second invitation, which both sides take for the connection that they have.
async fn reuse(inviter: &Agent, invitee: &Agent, first: &Connected, query: &str, offer: &Value) {
    let before = (inviter.active().await, invitee.active().await);
    let second = inviter.create_invitation(query, offer).await;
    assert!(text(&second["invitation"], "@type").contains(&text(offer, "protocol_version")));
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

#[tokio::test]
async fn invitations_accepted_side_by_side_make_one_connection() {
    let Some(pair) = Pair::start().await else { return };
    let (inviter, invitee) = (pair.acapy(), pair.entente());
    let mut tasks = Vec::new();
    for _ in 0..5 {
        let made = inviter.create_invitation("", &with_did("did:peer:2")).await;
        let invitee = invitee.clone();
        tasks.push(tokio::spawn(
            async move { invitee.receive_invitation(&made["invitation"]).await },
        ));
    }
    for task in tasks {
        let record = task.await.unwrap();
        let path = format!("/out-of-band/invitations?oob_id={}", text(&record, "oob_id"));
        eventually("the invitation is used", async || {
            let state = text(&invitee.get(&path).await, "state");
            ["done", "reuse-accepted"].contains(&state.as_str()).then_some(())
        })
        .await;
    }
    inviter.until_active(1).await;
    assert_eq!(invitee.active().await.len(), 1);
    eventually("the others are told as reuses", async || {
        (inviter.controller.told("connection_reuse").len() == 4).then_some(())
    })
    .await;
}

/// The invitee's kind of DID decides on the inviter's.
#[tokio::test]
async fn an_invitee_may_use_a_did_peer_2() {
    let Some(pair) = Pair::start().await else { return };
    for offer in [with_did("did:peer:2"), with_did("did:peer:4"), with_key("1.1")] {
        let (inviter, invitee) = (pair.acapy(), pair.entente());
        let invitation = inviter.create_invitation("", &offer).await;
        let request = AcceptInvitationRequest {
            invitation: invitation["invitation"].to_string(),
            did_method: DidMethod::Peer2.into(),
            ..Default::default()
        };
        let at_invitee = pair.suite.accept_with(request).await.unwrap().connection_id;
        uses_did_peer_2(inviter, invitee, invitation, at_invitee).await;

        let (inviter, invitee) = (pair.entente(), pair.acapy());
        let invitation = inviter.create_invitation("", &offer).await;
        let path = "/out-of-band/receive-invitation?auto_accept=false";
        let record = invitee.post(path, &invitation["invitation"]).await;
        let at_invitee = text(&record, "connection_id");
        let path = format!("/didexchange/{at_invitee}/accept-invitation?use_did_method=did:peer:2");
        invitee.post(&path, &json!({})).await;
        uses_did_peer_2(inviter, invitee, invitation, at_invitee).await;
    }
}

async fn uses_did_peer_2(inviter: &Agent, invitee: &Agent, made_by: Value, at_invitee: String) {
    let at_inviter = inviter.until_invited(&text(&made_by, "invi_msg_id"), &[]).await;
    let found = invitee.until_connection(&at_invitee, "completed").await;
    assert!(text(&found, "my_did").starts_with("did:peer:2"), "{found}");
    let invitation = made_by["invitation"].clone();
    let connected =
        Connected { invitation, inviter: text(&at_inviter, "connection_id"), invitee: at_invitee };
    dids_match(inviter, invitee, &connected).await;
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
