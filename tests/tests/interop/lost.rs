//! The inviter no longer has the connection that the invitee wants to reuse.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, AcceptanceState, GetAcceptanceRequest, ReuseOutcome,
    ReusePolicy, ReuseReason,
};
use entente_tests::acapy::{did, text};
use entente_tests::suite::{eventually, seconds};
use serde_json::Value;

use crate::pair::{Pair, connect, with_did};

#[tokio::test]
async fn we_fall_back_to_a_new_connection_when_acapy_lost_its_own() {
    let Some(pair) = Pair::start().await else { return };
    let (inviter, invitee) = (pair.acapy(), pair.entente());
    let connected = connect(inviter, invitee, &with_did("did:peer:2")).await;
    inviter.delete(&format!("/connections/{}", connected.inviter)).await;
    let second = inviter.create_invitation("", &with_did("did:peer:2")).await;

    let begun = Instant::now();
    let acceptance = pair.suite.accept_with(AcceptInvitationRequest {
        invitation: second["invitation"].to_string(),
        reuse: Some(ReusePolicy { deadline: Some(seconds(2)), ..Default::default() }),
        ..Default::default()
    });
    let acceptance = acceptance.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(acceptance.state(), AcceptanceState::Pending);
    assert_eq!(decision(&acceptance), (ReuseOutcome::Pending, ReuseReason::AwaitingPeer));
    assert_eq!(acceptance.connection_id, connected.invitee);
    let path = format!("/out-of-band/invitations?oob_id={}", acceptance.id);
    assert_eq!(invitee.get(&path).await["state"], "await-response");

    let made = inviter.until_invited(&text(&second, "invi_msg_id"), &[]).await;
    let acceptance = eventually("the acceptance follows the new exchange", async || {
        Some(get(&pair, &acceptance.id).await).filter(|now| now.connection_id != connected.invitee)
    })
    .await;
    assert_eq!(decision(&acceptance), (ReuseOutcome::New, ReuseReason::PeerDidNotAnswer));
    let ours = invitee.until_connection(&acceptance.connection_id, "completed").await;
    assert_eq!(did(&ours, "my_did"), did(&made, "their_did"));
    let event = invitee.controller.until("connection_reuse_accepted", |_| true).await;
    assert_eq!(event["state"], "rejected", "{event}");
}

fn decision(acceptance: &Acceptance) -> (ReuseOutcome, ReuseReason) {
    let decision = acceptance.decision.as_ref().unwrap();
    (decision.outcome(), decision.reason())
}

async fn get(pair: &Pair, id: &str) -> Acceptance {
    let request = GetAcceptanceRequest { id: id.to_owned() };
    let answer = pair.suite.invitations().get_acceptance(request).await.unwrap();
    answer.into_inner().acceptance.unwrap()
}

/// It does so after its own 15 s.
#[tokio::test]
async fn acapy_falls_back_to_a_new_connection_when_we_lost_ours() {
    let Some(pair) = Pair::start().await else { return };
    let (inviter, invitee) = (pair.entente(), pair.acapy());
    let connected = connect(inviter, invitee, &with_did("did:peer:2")).await;
    inviter.delete(&format!("/connections/{}", connected.inviter)).await;
    assert!(inviter.active().await.is_empty());

    let second = inviter.create_invitation("", &with_did("did:peer:2")).await;
    let record = invitee.receive_invitation(&second["invitation"]).await;
    let id = text(&record, "connection_id");
    assert_ne!(id, connected.invitee, "{record}");
    let made = invitee.until_connection(&id, "completed").await;
    let ours = inviter.until_invited(&text(&second, "invi_msg_id"), &[]).await;
    assert_eq!(did(&ours, "my_did"), did(&made, "their_did"));
    let rejected = |event: &Value| event["state"] == "rejected";
    let event = invitee.controller.until("connection_reuse_accepted", rejected).await;
    assert_eq!(event["connection_id"], connected.invitee.as_str(), "{event}");
    assert!(inviter.controller.told("connection_reuse").is_empty());
}
