//! One handshake through gRPC and the three admin APIs at once: each tells the same story in its own words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, ApproveExchangeRequest, CreateInvitationRequest, Exchange,
    ExchangeState, GetExchangeRequest, InvitationFormat, RejectExchangeRequest, Role,
};
use entente_tests::Suite;
use entente_tests::suite::eventually;
use serde_json::{Value, json};

const FORMATS: [InvitationFormat; 3] =
    [InvitationFormat::OutOfBand1, InvitationFormat::Connections1, InvitationFormat::OutOfBand2];

/// What a state is called: ACA-Py's `state` and `rfc23_state`, Sudo's, and Identus' once nothing is under way.
fn words(role: Role, state: ExchangeState) -> [&'static str; 4] {
    use ExchangeState as S;
    match (role, state) {
        (Role::Inviter, S::Invitation) => {
            ["invitation", "invitation-sent", "INVITATION", "InvitationGenerated"]
        }
        (Role::Invitee, S::Invitation) => {
            ["invitation", "invitation-received", "INVITATION", "InvitationReceived"]
        }
        (Role::Inviter, S::Request) => {
            ["request", "request-received", "REQUEST", "ConnectionRequestReceived"]
        }
        (Role::Invitee, S::Request) => {
            ["request", "request-sent", "REQUEST", "ConnectionRequestSent"]
        }
        (Role::Inviter, S::Response) => {
            ["response", "response-sent", "RESPONSE", "ConnectionResponsePending"]
        }
        (Role::Inviter, S::Done) => ["active", "completed", "DONE", "ConnectionResponseSent"],
        (Role::Invitee, S::Done) => ["active", "completed", "DONE", "ConnectionResponseReceived"],
        (_, S::Abandoned) => ["error", "abandoned", "ABANDONED", "ProblemReportSent"],
        other => panic!("{other:?} is not passed"),
    }
}

async fn exchange(suite: &Suite, id: &str) -> Exchange {
    let request = GetExchangeRequest { id: id.to_owned() };
    suite.exchanges().get_exchange(request).await.unwrap().into_inner().exchange.unwrap()
}

/// Waits for a state, and checks that all tell of it.
async fn tell(suite: &Suite, id: &str, role: Role, state: ExchangeState) {
    let reached = format!("{role:?} reaches {state:?}");
    let found = eventually(&reached, async || {
        Some(exchange(suite, id).await).filter(|found| found.state() == state)
    })
    .await;
    assert_eq!(found.role(), role);
    let [acapy, rfc23, sudo, identus] = words(role, state);

    let record = suite.json("GET", &format!("/connections/{id}"), Value::Null).await;
    assert_eq!((&record["state"], &record["rfc23_state"]), (&json!(acapy), &json!(rfc23)));

    let query = "query($id: ID!) { aipConnectionExchange(connExId: $id) { id state myRole } }";
    let answer =
        suite.json("POST", "/graphql", json!({"query": query, "variables": {"id": id}})).await;
    let node = &answer["data"]["aipConnectionExchange"];
    let part = if role == Role::Inviter { "INVITER" } else { "INVITEE" };
    assert_eq!(node, &json!({"id": id, "state": sudo, "myRole": part}), "{answer}");

    let path = format!("/cloud-agent/connections/{id}");
    eventually(&format!("Identus says {identus}"), async || {
        let record = suite.json("GET", &path, Value::Null).await;
        (record["state"] == identus).then_some(())
    })
    .await;
    let record = suite.json("GET", &path, Value::Null).await;
    let part = if role == Role::Inviter { "Inviter" } else { "Invitee" };
    assert_eq!((&record["connectionId"], &record["role"]), (&json!(id), &json!(part)));
}

async fn approve(suite: &Suite, id: &str) {
    let request = ApproveExchangeRequest { id: id.to_owned(), ..Default::default() };
    suite.exchanges().approve_exchange(request).await.unwrap();
}

/// A handshake in which both owners are asked, up to the request: the ids at the inviter and the invitee.
async fn request(inviter: &Suite, invitee: &Suite, format: InvitationFormat) -> (String, String) {
    let made = inviter
        .invite_with(CreateInvitationRequest {
            format: format.into(),
            auto_accept: Some(false),
            ..Default::default()
        })
        .await;
    tell(inviter, &made.exchange_id, Role::Inviter, ExchangeState::Invitation).await;
    let accepted = invitee
        .accept_with(AcceptInvitationRequest {
            invitation: made.url.clone(),
            auto_accept: Some(false),
            ..Default::default()
        })
        .await
        .unwrap();
    tell(invitee, &accepted.exchange_id, Role::Invitee, ExchangeState::Invitation).await;
    approve(invitee, &accepted.exchange_id).await;
    tell(invitee, &accepted.exchange_id, Role::Invitee, ExchangeState::Request).await;
    tell(inviter, &made.exchange_id, Role::Inviter, ExchangeState::Request).await;
    (made.exchange_id, accepted.exchange_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tell_of_a_handshake_that_is_done() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    for format in FORMATS {
        let (theirs, ours) = request(&inviter, &invitee, format).await;
        approve(&inviter, &theirs).await;
        tell(&invitee, &ours, Role::Invitee, ExchangeState::Done).await;
        tell(&inviter, &theirs, Role::Inviter, ExchangeState::Done).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tell_of_a_handshake_that_is_abandoned() {
    let inviter = Suite::start().await;
    for format in FORMATS {
        let invitee = Suite::start().await;
        let (theirs, _) = request(&inviter, &invitee, format).await;
        // Who is gone takes no response.
        drop(invitee);
        approve(&inviter, &theirs).await;
        tell(&inviter, &theirs, Role::Inviter, ExchangeState::Response).await;
        let reject = RejectExchangeRequest { id: theirs.clone(), ..Default::default() };
        inviter.exchanges().reject_exchange(reject).await.unwrap();
        tell(&inviter, &theirs, Role::Inviter, ExchangeState::Abandoned).await;
    }
}
