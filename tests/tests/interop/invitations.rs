//! How often an invitation may be used.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{
    AbandonCause, AcceptInvitationRequest, Acceptance, AcceptanceState, Exchange, ExchangeState,
    GetExchangeRequest,
};
use entente_tests::Suite;
use entente_tests::acapy::{Agent, Relay, text};
use entente_tests::suite::eventually;
use serde_json::Value;

use crate::pair::{Pair, accept, connect, entente, with_did, with_key};

#[tokio::test]
async fn a_used_invitation_of_ours_is_refused_at_once() {
    let Some(pair) = Pair::start().await else { return };
    let (inviter, invitee) = (pair.entente(), pair.acapy());
    let relay = Relay::start().await;
    let (late, late_agent) = entente(&relay).await;
    for offer in [with_did("did:peer:2"), with_key("1.1"), with_key("1.0")] {
        let connected = connect(inviter, invitee, &offer).await;
        let before = (inviter.active().await, invitee.active().await);
        let path = "/out-of-band/receive-invitation?auto_accept=true&use_existing_connection=false";
        let record = invitee.post(path, &connected.invitation).await;
        let refused = invitee.until_connection(&text(&record, "connection_id"), "abandoned").await;
        assert!(text(&refused, "error_msg").contains("used"), "{refused}");
        let acceptance = accept_at_once(&late, &connected.invitation).await;
        late_agent.until_connection(&acceptance.connection_id, "abandoned").await;
        let refused = exchange(&late, &acceptance).await;
        assert_eq!(refused.abandon_cause(), AbandonCause::PeerReported, "{refused:?}");
        assert_eq!((inviter.active().await, invitee.active().await), before);
    }
}

/// ACA-Py knows codes for it, and sends none: its invitee would wait for 15 s.
#[tokio::test]
async fn a_reuse_that_acapy_has_no_right_to_is_refused_at_once() {
    let Some(pair) = Pair::start().await else { return };
    let (inviter, invitee) = (pair.entente(), pair.acapy());
    let connected = connect(inviter, invitee, &with_did("did:peer:2")).await;
    let mut unknown = connected.invitation.clone();
    unknown["@id"] = "never-made-by-this-agent".into();
    for invitation in [connected.invitation, unknown] {
        let begun = Instant::now();
        let record = invitee.receive_invitation(&invitation).await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "ACA-Py waited for {took:?}");
        assert_ne!(record["connection_id"], connected.invitee.as_str(), "{record}");
        let about =
            |event: &Value| event["comment"].to_string().contains(&text(&invitation, "@id"));
        let event = invitee.controller.until("connection_reuse_accepted", about).await;
        assert_eq!(event["state"], "rejected", "{event}");
        // It then asks for a new connection with the same invitation, which is refused as well.
        invitee.until_connection(&text(&record, "connection_id"), "abandoned").await;
    }
    assert_eq!(inviter.active().await, [connected.inviter]);
    assert!(inviter.controller.told("connection_reuse").is_empty());
}

/// ACA-Py drops the request without a word.
#[tokio::test]
async fn a_used_invitation_of_acapy_leaves_us_waiting_with_a_deadline() {
    let Some(pair) = Pair::start().await else { return };
    let invitation =
        connect(pair.acapy(), pair.entente(), &with_did("did:peer:4")).await.invitation;
    let relay = Relay::start().await;
    let (late, agent) = entente(&relay).await;
    let begun = Instant::now();
    let acceptance = accept_at_once(&late, &invitation).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(acceptance.state(), AcceptanceState::Connecting);
    let exchange = eventually("the request is delivered", async || {
        let exchange = exchange(&late, &acceptance).await;
        exchange.next_attempt_at.is_none().then_some(exchange)
    })
    .await;
    assert_eq!(exchange.state(), ExchangeState::Request);
    assert!(exchange.deadline_at.is_some(), "{exchange:?}");
    assert!(agent.active().await.is_empty());
}

async fn exchange(suite: &Suite, acceptance: &Acceptance) -> Exchange {
    let request = GetExchangeRequest { id: acceptance.exchange_id.clone() };
    let answer = suite.exchanges().get_exchange(request).await.unwrap();
    answer.into_inner().exchange.unwrap()
}

async fn accept_at_once(suite: &Suite, invitation: &Value) -> Acceptance {
    let request =
        AcceptInvitationRequest { invitation: invitation.to_string(), ..Default::default() };
    suite.accept_with(request).await.unwrap()
}

#[tokio::test]
async fn a_multi_use_invitation_connects_three_invitees() {
    let Some(pair) = Pair::start().await else { return };
    let relays = [Relay::start().await, Relay::start().await, Relay::start().await];
    let mut suites = Vec::new();
    for relay in &relays {
        suites.push(entente(relay).await);
    }
    let ours: Vec<&Agent> = suites.iter().map(|(_, agent)| agent).collect();
    for offer in [with_did("did:peer:2"), with_key("1.1"), with_key("1.0")] {
        for (inviter, invitees) in [
            (pair.acapy(), vec![pair.entente(), ours[0], ours[1]]),
            (pair.entente(), vec![pair.acapy(), ours[1], ours[2]]),
        ] {
            let invitation = inviter.create_invitation("multi_use=true", &offer).await;
            let before = inviter.active().await.len();
            for invitee in &invitees {
                let connected = accept(inviter, invitee, &invitation).await;
                let record = inviter.connection(&connected.inviter).await.unwrap();
                assert_eq!(record["their_label"], invitee.name.as_str());
            }
            assert_eq!(inviter.active().await.len(), before + invitees.len());
        }
    }
}
