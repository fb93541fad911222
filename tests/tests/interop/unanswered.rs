//! A peer that is away, or that hangs.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Exchange, ExchangeState, GetExchangeRequest,
};
use entente_tests::acapy::text;
use entente_tests::suite::eventually;

use crate::pair::{Pair, with_did};

#[tokio::test]
async fn a_request_waits_for_a_peer_that_is_away() {
    let Some(pair) = Pair::start().await else { return };
    let invitation = pair.acapy().create_invitation("", &with_did("did:peer:2")).await;
    pair.to_acapy.refuse();
    let record = pair.entente().receive_invitation(&invitation["invitation"]).await;
    let id = text(&record, "connection_id");
    let waiting = until_tried(&pair, &id).await;
    assert_eq!(waiting.state(), ExchangeState::Request);
    pair.to_acapy.release();
    pair.entente().until_connection(&id, "completed").await;
    eventually("nothing is left to be sent", async || {
        let done = exchange(&pair, &id).await;
        (done.last_error.is_empty() && done.next_attempt_at.is_none()).then_some(())
    })
    .await;
    pair.acapy().until_invited(&text(&invitation, "invi_msg_id"), &[]).await;
}

#[tokio::test]
async fn a_response_waits_for_a_peer_that_is_away() {
    let Some(pair) = Pair::start().await else { return };
    let invitation = pair.entente().create_invitation("", &with_did("did:peer:2")).await;
    pair.to_acapy.refuse();
    let record = pair.acapy().receive_invitation(&invitation["invitation"]).await;
    let invitation_id = text(&invitation, "invi_msg_id");
    let ours = eventually("the request comes", async || {
        let path = format!("invitation_msg_id={invitation_id}");
        let found = pair.entente().connections(&path).await;
        found.into_iter().find(|record| record["state"] == "response")
    })
    .await;
    let waiting = until_tried(&pair, &text(&ours, "connection_id")).await;
    assert_eq!(waiting.state(), ExchangeState::Response);
    pair.to_acapy.release();
    pair.entente().until_invited(&invitation_id, &[]).await;
    pair.acapy().until_connection(&text(&record, "connection_id"), "completed").await;
}

async fn until_tried(pair: &Pair, id: &str) -> Exchange {
    let exchange = eventually("two attempts", async || {
        Some(exchange(pair, id).await).filter(|exchange| exchange.attempts >= 2)
    })
    .await;
    assert!(exchange.next_attempt_at.is_some(), "{exchange:?}");
    assert!(exchange.last_error.contains("503"), "{exchange:?}");
    exchange
}

async fn exchange(pair: &Pair, id: &str) -> Exchange {
    let request = GetExchangeRequest { id: id.to_owned() };
    let answer = pair.suite.exchanges().get_exchange(request).await.unwrap();
    answer.into_inner().exchange.unwrap()
}

#[tokio::test]
async fn a_peer_that_hangs_holds_up_no_call() {
    let Some(pair) = Pair::start().await else { return };
    let invitation = pair.acapy().create_invitation("", &with_did("did:peer:4")).await;
    pair.acapy.freeze();
    let begun = Instant::now();
    let request = AcceptInvitationRequest {
        invitation: invitation["invitation"].to_string(),
        ..Default::default()
    };
    let accepted = pair.suite.accept_with(request).await.unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(exchange(&pair, &accepted.exchange_id).await.state(), ExchangeState::Request);
    pair.acapy.go_on();
    pair.entente().until_connection(&accepted.connection_id, "completed").await;
    pair.acapy().until_invited(&text(&invitation, "invi_msg_id"), &[]).await;
}
