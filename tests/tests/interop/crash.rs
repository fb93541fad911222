//! Entente dies between any two messages of a handshake or a reuse, and goes on when it is back.

use entente_rpc::proto::connection::v1::AcceptInvitationRequest;
use entente_tests::acapy::{Relay, text};
use serde_json::Value;

use crate::pair::{Pair, connect, with_did, with_key};

/// The messages of a handshake; Entente dies while one is on its way.
const MESSAGES: [&str; 3] = ["request", "response", "complete"];

/// What becomes of that message.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    IsLost,
}

#[tokio::test]
async fn an_invitee_that_dies_goes_on() {
    let Some(mut pair) = Pair::start().await else { return };
    for offer in [with_did("did:peer:2"), with_key("1.0")] {
        for message in MESSAGES {
            invitee_dies(&mut pair, &offer, message, Fate::Arrives).await;
        }
    }
    for message in MESSAGES {
        invitee_dies(&mut pair, &with_did("did:peer:4"), message, Fate::IsLost).await;
    }
}

async fn invitee_dies(pair: &mut Pair, offer: &Value, message: &str, fate: Fate) {
    eprintln!("the invitee dies during the {message} of {offer}, which {fate:?}");
    let invitation = pair.acapy().create_invitation(&query(offer), offer).await;
    let [ours, theirs] = [pair.to_acapy.clone(), pair.to_entente.clone()];
    match message {
        "request" => ours.hold_after(0),
        "response" => theirs.hold_after(0),
        _ => ours.hold_after(1),
    }
    let record = pair.entente().receive_invitation(&invitation["invitation"]).await;
    if message == "response" {
        their_message(pair, &theirs, fate).await;
    } else {
        our_message(pair, [&ours, &theirs], fate, message == "request").await;
    }
    pair.entente().until_connection(&text(&record, "connection_id"), "completed").await;
    pair.acapy().until_invited(&text(&invitation, "invi_msg_id"), &[]).await;
}

#[tokio::test]
async fn an_inviter_that_dies_goes_on() {
    let Some(mut pair) = Pair::start().await else { return };
    for offer in [with_did("did:peer:2"), with_key("1.0")] {
        for message in MESSAGES {
            inviter_dies(&mut pair, &offer, message, Fate::Arrives).await;
        }
    }
    for message in MESSAGES {
        inviter_dies(&mut pair, &with_did("did:peer:4"), message, Fate::IsLost).await;
    }
}

async fn inviter_dies(pair: &mut Pair, offer: &Value, message: &str, fate: Fate) {
    eprintln!("the inviter dies during the {message} of {offer}, which {fate:?}");
    let invitation = pair.entente().create_invitation(&query(offer), offer).await;
    let [ours, theirs] = [pair.to_acapy.clone(), pair.to_entente.clone()];
    match message {
        "request" => theirs.hold_after(0),
        "response" => ours.hold_after(0),
        _ => theirs.hold_after(1),
    }
    let record = pair.acapy().receive_invitation(&invitation["invitation"]).await;
    if message == "response" {
        our_message(pair, [&ours, &theirs], fate, true).await;
    } else {
        their_message(pair, &theirs, fate).await;
    }
    pair.entente().until_invited(&text(&invitation, "invi_msg_id"), &[]).await;
    pair.acapy().until_connection(&text(&record, "connection_id"), "completed").await;
}

#[tokio::test]
async fn a_reuse_survives_either_side() {
    let Some(mut pair) = Pair::start().await else { return };
    let offer = with_did("did:peer:2");
    let [ours, theirs] = [pair.to_acapy.clone(), pair.to_entente.clone()];

    // As the invitee: during the handshake-reuse, and during the answer.
    let connected = connect(pair.acapy(), pair.entente(), &offer).await;
    for ours_is_held in [true, false] {
        let second = pair.acapy().create_invitation("", &offer).await;
        let relay = if ours_is_held { &ours } else { &theirs };
        relay.hold_after(0);
        let request = AcceptInvitationRequest {
            invitation: second["invitation"].to_string(),
            ..Default::default()
        };
        let thread = pair.suite.accept_with(request).await.unwrap().thread_id;
        if ours_is_held {
            our_message(&mut pair, [&ours, &theirs], Fate::IsLost, true).await;
        } else {
            their_message(&mut pair, &theirs, Fate::Arrives).await;
        }
        let about = |event: &Value| event["thread_id"] == thread.as_str();
        let event = pair.entente().controller.until("connection_reuse_accepted", about).await;
        assert_eq!(event["state"], "accepted", "{event}");
        assert_eq!(event["connection_id"], connected.invitee.as_str(), "{event}");
    }

    // As the inviter.
    let connected = connect(pair.entente(), pair.acapy(), &offer).await;
    for ours_is_held in [true, false] {
        let second = pair.entente().create_invitation("", &offer).await;
        let relay = if ours_is_held { &ours } else { &theirs };
        relay.hold_after(0);
        let acapy = pair.acapy().clone();
        let received =
            tokio::spawn(async move { acapy.receive_invitation(&second["invitation"]).await });
        if ours_is_held {
            our_message(&mut pair, [&ours, &theirs], Fate::IsLost, true).await;
        } else {
            their_message(&mut pair, &theirs, Fate::Arrives).await;
        }
        let record = received.await.unwrap();
        assert_eq!(record["state"], "reuse-accepted", "{record}");
        assert_eq!(record["connection_id"], connected.invitee.as_str(), "{record}");
    }
    assert_eq!(pair.entente().active().await.len(), 2);
}

/// Entente dies with a message to ACA-Py under way: it does not know whether it arrived, and sends it again.
async fn our_message(pair: &mut Pair, [ours, theirs]: [&Relay; 2], fate: Fate, answered: bool) {
    ours.until_held().await;
    pair.suite.kill9();
    let before = ours.passed();
    match fate {
        Fate::Arrives => {
            theirs.hold_after(0);
            ours.release();
            ours.until_passed(before).await;
            if answered {
                theirs.until_held().await;
            }
            pair.suite.restart().await;
            ours.until_passed(before + 1).await;
            theirs.release();
        }
        Fate::IsLost => {
            ours.lose();
            pair.suite.restart().await;
        }
    }
}

/// Entente dies with a message from ACA-Py under way, which ACA-Py sends again after 10 s if it is lost.
async fn their_message(pair: &mut Pair, theirs: &Relay, fate: Fate) {
    theirs.until_held().await;
    pair.suite.kill9();
    match fate {
        Fate::Arrives => {
            pair.suite.restart().await;
            theirs.release();
        }
        Fate::IsLost => {
            theirs.lose();
            pair.suite.restart().await;
        }
    }
}

/// A query that makes every invitation one for a new connection.
fn query(offer: &Value) -> String {
    format!("create_unique_did={}", offer["use_did_method"].is_string())
}
