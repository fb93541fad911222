//! Handshakes that their owners approve, or reject.

use entente_rpc::proto::connection::v1::RejectExchangeRequest;
use entente_tests::acapy::{Agent, text};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use crate::pair::{Pair, with_did, with_key};

#[tokio::test]
async fn owners_approve_step_by_step() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for offer in [with_did("did:peer:2"), with_key("1.1"), with_key("1.0")] {
            let (at_inviter, at_invitee) = request(inviter, invitee, &offer).await;
            inviter.post(&format!("/didexchange/{at_inviter}/accept-request"), &json!({})).await;
            inviter.until_connection(&at_inviter, "completed").await;
            invitee.until_connection(&at_invitee, "completed").await;
        }
    }
}

/// Not the other way round: ACA-Py tells nobody, since it makes its DID no sooner than it accepts.
#[tokio::test]
async fn acapy_learns_that_we_reject() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for offer in [with_did("did:peer:2"), with_key("1.0")] {
            let (at_inviter, at_invitee) = request(inviter, invitee, &offer).await;
            let we_invite = inviter.name == pair.entente().name;
            let (ours, theirs) =
                if we_invite { (at_inviter, at_invitee) } else { (at_invitee, at_inviter) };
            let reason = "not today".to_owned();
            let rejection = RejectExchangeRequest { id: ours.clone(), reason };
            pair.suite.exchanges().reject_exchange(rejection).await.unwrap();
            pair.entente().until_connection(&ours, "abandoned").await;
            let ended = pair.acapy().until_connection(&theirs, "abandoned").await;
            assert!(text(&ended, "error_msg").contains("not today"), "{ended}");
        }
    }
}

/// Goes as far as the request, with both owners asked before each step; the ids at the inviter and the invitee.
async fn request(inviter: &Agent, invitee: &Agent, offer: &Value) -> (String, String) {
    let query = "auto_accept=false&create_unique_did=";
    let unique = offer["use_did_method"].is_string();
    let invitation = inviter.create_invitation(&format!("{query}{unique}"), offer).await;
    let path = "/out-of-band/receive-invitation?auto_accept=false";
    let record = invitee.post(path, &invitation["invitation"]).await;
    let at_invitee = text(&record, "connection_id");
    invitee.until_connection(&at_invitee, "invitation-received").await;
    invitee.post(&format!("/didexchange/{at_invitee}/accept-invitation"), &json!({})).await;
    invitee.until_connection(&at_invitee, "request-sent").await;
    let query = format!("invitation_msg_id={}", text(&invitation, "invi_msg_id"));
    let at_inviter = eventually("the request", async || {
        let found = inviter.connections(&query).await;
        let asked = found.iter().find(|record| record["rfc23_state"] == "request-received");
        asked.map(|record| text(record, "connection_id"))
    })
    .await;
    (at_inviter, at_invitee)
}
