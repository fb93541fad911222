//! connections/1.0 with ACA-Py 0.12, the last that speaks it: in both roles, by its own invitations and by out-of-band
//! ones, with the documents of its time.

use entente_tests::acapy::{Agent, Release, text};
use entente_tests::suite::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::pair::{Pair, connect, entente};

async fn start() -> Option<Pair> {
    Pair::with(Release::Old).await
}

/// Makes an invitation of connections/1.0; the answer has `invitation`, `invitation_url` and `connection_id`.
async fn invite(inviter: &Agent, query: &str) -> Value {
    let body = json!({"my_label": inviter.name});
    let made = inviter.post(&format!("/connections/create-invitation?{query}"), &body).await;
    let kind = text(&made["invitation"], "@type");
    assert_eq!(kind, "https://didcomm.org/connections/1.0/invitation");
    assert!(text(&made, "invitation_url").contains("?c_i="), "{made}");
    made
}

/// Accepts one; the id at the invitee.
async fn receive(invitee: &Agent, made: &Value) -> String {
    let path = "/connections/receive-invitation?auto_accept=true";
    text(&invitee.post(path, &made["invitation"]).await, "connection_id")
}

/// The connection that an invitation's key made at the inviter, other than `before`.
async fn until_invited(inviter: &Agent, made: &Value, before: &[String]) -> String {
    let key = made["invitation"]["recipientKeys"][0].as_str().unwrap();
    let query = format!("invitation_key={key}");
    eventually(&format!("{}'s connection by {key}", inviter.name), async || {
        let found = inviter.connections(&query).await;
        found.iter().map(|record| (record, text(record, "connection_id"))).find_map(
            |(record, id)| {
                (record["rfc23_state"] == "completed" && !before.contains(&id)).then_some(id)
            },
        )
    })
    .await
}

/// Accepts an invitation to the end: the ids at the inviter and the invitee.
async fn accept(inviter: &Agent, invitee: &Agent, made: &Value) -> (String, String) {
    let before = inviter.active().await;
    let at_invitee = receive(invitee, made).await;
    invitee.until_connection(&at_invitee, "completed").await;
    let at_inviter = until_invited(inviter, made, &before).await;
    (at_inviter, at_invitee)
}

/// Each side's DID is what the other side takes for it, and is one of the old kind.
async fn dids_match((inviter, one): (&Agent, &str), (invitee, other): (&Agent, &str)) {
    let at_inviter = inviter.connection(one).await.unwrap();
    let at_invitee = invitee.connection(other).await.unwrap();
    for (mine, theirs) in [(&at_inviter, &at_invitee), (&at_invitee, &at_inviter)] {
        assert_eq!(text(mine, "my_did"), text(theirs, "their_did"));
        assert!(!text(mine, "my_did").contains(':'), "{mine}");
        assert_eq!(mine["connection_protocol"], "connections/1.0", "{mine}");
    }
    assert_eq!(at_inviter["their_label"], invitee.name.as_str());
    assert_eq!(at_invitee["their_label"], inviter.name.as_str());
}

async fn talk((sender, from): (&Agent, &str), (receiver, to): (&Agent, &str)) {
    let thread = sender.send_ping(from).await;
    let answered = |event: &Value| {
        event["thread_id"] == thread.as_str() && event["state"] == "response_received"
    };
    sender.controller.until("ping", answered).await;
    let content = format!("hello, {to}");
    sender.send_message(from, &content).await;
    let said = |event: &Value| event["content"] == content.as_str();
    let message = receiver.controller.until("basicmessages", said).await;
    assert_eq!(message["connection_id"], to, "{message}");
}

#[tokio::test]
async fn a_single_use_invitation_connects_both_ways() {
    let Some(pair) = start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        let made = invite(inviter, "auto_accept=true&alias=Friend").await;
        let (at_inviter, at_invitee) = accept(inviter, invitee, &made).await;
        assert_eq!(made["connection_id"], at_inviter.as_str(), "the record is the invitation's");
        assert_eq!(inviter.connection(&at_inviter).await.unwrap()["alias"], "Friend");
        let (one, other) = ((inviter, &*at_inviter), (invitee, &*at_invitee));
        dids_match(one, other).await;
        talk(one, other).await;
        talk(other, one).await;
    }
}

#[tokio::test]
async fn a_multi_use_invitation_connects_several() {
    let Some(pair) = start().await else { return };
    let relays =
        [entente_tests::acapy::Relay::start().await, entente_tests::acapy::Relay::start().await];
    let mut suites = Vec::new();
    for relay in &relays {
        suites.push(entente(relay).await);
    }
    let ours: Vec<&Agent> = suites.iter().map(|(_, agent)| agent).collect();
    for (inviter, invitees) in [
        (pair.acapy(), vec![pair.entente(), ours[0], ours[1]]),
        (pair.entente(), vec![pair.acapy(), ours[0], ours[1]]),
    ] {
        let made = invite(inviter, "auto_accept=true&multi_use=true").await;
        let before = inviter.active().await.len();
        for invitee in &invitees {
            let (at_inviter, at_invitee) = accept(inviter, invitee, &made).await;
            dids_match((inviter, &at_inviter), (invitee, &at_invitee)).await;
        }
        assert_eq!(inviter.active().await.len(), before + invitees.len());
    }
}

#[tokio::test]
async fn owners_approve_step_by_step() {
    let Some(pair) = start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        let made = invite(inviter, "auto_accept=false").await;
        let at_inviter = text(&made, "connection_id");
        inviter.until_connection(&at_inviter, "invitation-sent").await;
        let path = "/connections/receive-invitation?auto_accept=false";
        let record = invitee.post(path, &made["invitation"]).await;
        assert_eq!(record["rfc23_state"], "invitation-received", "{record}");
        let at_invitee = text(&record, "connection_id");
        let path = format!("/connections/{at_invitee}/accept-invitation");
        let record = invitee.post(&path, &json!({})).await;
        assert_eq!(record["state"], "request", "{record}");
        inviter.until_connection(&at_inviter, "request-received").await;
        let path = format!("/connections/{at_inviter}/accept-request");
        // ACA-Py shows the state a moment before it has kept the request.
        let record = eventually("an accepted request", async || {
            inviter.call(Method::POST, &path, Some(&json!({}))).await.ok()
        });
        let record = record.await;
        assert_eq!(record["state"], "response", "{record}");
        inviter.until_connection(&at_inviter, "completed").await;
        invitee.until_connection(&at_invitee, "completed").await;
        dids_match((inviter, &at_inviter), (invitee, &at_invitee)).await;
    }
}

#[tokio::test]
async fn a_used_invitation_is_refused_by_either() {
    let Some(pair) = start().await else { return };
    let relay = entente_tests::acapy::Relay::start().await;
    let (_suite, late) = entente(&relay).await;
    // By us: ACA-Py asks, and is told why not.
    let made = invite(pair.entente(), "auto_accept=true").await;
    accept(pair.entente(), &late, &made).await;
    let id = receive(pair.acapy(), &made).await;
    let refused = pair.acapy().until_connection(&id, "abandoned").await;
    assert!(text(&refused, "error_msg").contains("used"), "{refused}");
    // By ACA-Py.
    let made = invite(pair.acapy(), "auto_accept=true").await;
    accept(pair.acapy(), pair.entente(), &made).await;
    let id = receive(&late, &made).await;
    let refused = late.until_connection(&id, "abandoned").await;
    assert!(text(&refused, "error_msg").contains("request_not_accepted"), "{refused}");
}

#[tokio::test]
async fn out_of_band_invitations_offer_it_and_a_known_did_is_reused() {
    let Some(pair) = start().await else { return };
    let protocols = json!(["https://didcomm.org/connections/1.0"]);
    for (inviter, invitee) in pair.both_ways() {
        for offer in [
            json!({"handshake_protocols": protocols}),
            json!({"handshake_protocols": protocols, "use_did_method": "did:peer:2"}),
        ] {
            let connected = connect(inviter, invitee, &offer).await;
            let (at_inviter, at_invitee) = (connected.inviter, connected.invitee);
            let record = inviter.connection(&at_inviter).await.unwrap();
            assert_eq!(record["connection_protocol"], "connections/1.0", "{record}");
            talk((invitee, &at_invitee), (inviter, &at_inviter)).await;
            if offer["use_did_method"].is_null() {
                continue;
            }
            let before = (inviter.active().await, invitee.active().await);
            let second = inviter.create_invitation("auto_accept=true", &offer).await;
            let record = invitee.receive_invitation(&second["invitation"]).await;
            assert_eq!(record["state"], "reuse-accepted", "{record}");
            assert_eq!(record["connection_id"], at_invitee.as_str(), "{record}");
            assert_eq!((inviter.active().await, invitee.active().await), before);
        }
    }
}
