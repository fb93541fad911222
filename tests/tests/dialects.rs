//! One handshake through gRPC and the three admin APIs at once: each tells the same story in its own words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::proto::connection::v1::{
    AbandonCause, AcceptInvitationRequest, ApproveExchangeRequest, CreateInvitationRequest,
    Exchange, ExchangeState, GetExchangeRequest, HandshakeProtocol, InvitationFormat,
    RejectExchangeRequest, RevokeInvitationRequest, Role,
};
use entente_tests::suite::{eventually, seconds};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

const FORMATS: [InvitationFormat; 3] =
    [InvitationFormat::OutOfBand1, InvitationFormat::Connections1, InvitationFormat::OutOfBand2];

/// What a state is called: ACA-Py's `state` and `rfc23_state`, Sudo's, and Identus' once nothing is under way.
fn words(role: Role, state: ExchangeState, cause: AbandonCause) -> [&'static str; 4] {
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
        (_, S::Abandoned) => ["error", "abandoned", "ABANDONED", ended(role, cause)],
        other => panic!("{other:?} is not passed"),
    }
}

/// Identus' word for an end.
fn ended(role: Role, cause: AbandonCause) -> &'static str {
    match cause {
        AbandonCause::Unspecified => panic!("an end without a cause"),
        AbandonCause::PeerReported => "ProblemReportReceived",
        AbandonCause::InvitationEnded if role == Role::Inviter => "InvitationExpired",
        _ => "ProblemReportSent",
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
    let [acapy, rfc23, sudo, identus] = words(role, state, found.abandon_cause());

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

/// Waits for an end, and checks that all tell of it and of its cause.
async fn tell_end(suite: &Suite, id: &str, role: Role, cause: AbandonCause) {
    tell(suite, id, role, ExchangeState::Abandoned).await;
    let found = exchange(suite, id).await;
    assert_eq!(found.abandon_cause(), cause, "{found:?}");
    let record = suite.json("GET", &format!("/connections/{id}"), Value::Null).await;
    assert_eq!(record["error_msg"].as_str().unwrap_or_default(), found.error, "{record}");
}

async fn reject(suite: &Suite, id: &str) {
    let request = RejectExchangeRequest { id: id.to_owned(), ..Default::default() };
    suite.exchanges().reject_exchange(request).await.unwrap();
}

async fn approve(suite: &Suite, id: &str) {
    let request = ApproveExchangeRequest { id: id.to_owned(), ..Default::default() };
    suite.exchanges().approve_exchange(request).await.unwrap();
}

/// An invitation whose inviter is asked.
fn of(format: InvitationFormat) -> CreateInvitationRequest {
    CreateInvitationRequest {
        format: format.into(),
        auto_accept: Some(false),
        ..Default::default()
    }
}

/// An acceptance whose invitee is asked.
fn asked(url: &str) -> AcceptInvitationRequest {
    AcceptInvitationRequest {
        invitation: url.to_owned(),
        auto_accept: Some(false),
        ..Default::default()
    }
}

/// A handshake in which both owners are asked, up to the request: the ids at the inviter and the invitee.
async fn request(inviter: &Suite, invitee: &Suite, format: InvitationFormat) -> (String, String) {
    let made = inviter.invite_with(of(format)).await;
    tell(inviter, &made.exchange_id, Role::Inviter, ExchangeState::Invitation).await;
    let accepted = invitee.accept_with(asked(&made.url)).await.unwrap();
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
        reject(&inviter, &theirs).await;
        tell_end(&inviter, &theirs, Role::Inviter, AbandonCause::Rejected).await;
    }
}

/// Either side says no to a request: the other hears of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tell_of_a_handshake_that_is_rejected() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    for format in FORMATS {
        let (theirs, ours) = request(&inviter, &invitee, format).await;
        reject(&inviter, &theirs).await;
        tell_end(&inviter, &theirs, Role::Inviter, AbandonCause::Rejected).await;
        tell_end(&invitee, &ours, Role::Invitee, AbandonCause::PeerReported).await;

        let (theirs, ours) = request(&inviter, &invitee, format).await;
        reject(&invitee, &ours).await;
        tell_end(&invitee, &ours, Role::Invitee, AbandonCause::Rejected).await;
        tell_end(&inviter, &theirs, Role::Inviter, AbandonCause::PeerReported).await;

        let made = inviter.invite_with(of(format)).await;
        let accepted = invitee.accept_with(asked(&made.url)).await.unwrap();
        reject(&invitee, &accepted.exchange_id).await;
        tell_end(&invitee, &accepted.exchange_id, Role::Invitee, AbandonCause::Rejected).await;
        reject(&inviter, &made.exchange_id).await;
        tell_end(&inviter, &made.exchange_id, Role::Inviter, AbandonCause::Rejected).await;
    }
}

/// An invitation ends before anybody answers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tell_of_an_invitation_that_ends() {
    let suite = Suite::start().await;
    for format in FORMATS {
        let made = suite.invite_with(of(format)).await;
        let revoke = RevokeInvitationRequest { id: made.id.clone() };
        suite.invitations().revoke_invitation(revoke).await.unwrap();
        tell_end(&suite, &made.exchange_id, Role::Inviter, AbandonCause::InvitationEnded).await;

        let expires_in = Some(seconds(1));
        let made = suite.invite_with(CreateInvitationRequest { expires_in, ..of(format) }).await;
        tell_end(&suite, &made.exchange_id, Role::Inviter, AbandonCause::InvitationEnded).await;
    }
}

/// The request may not be sent to where the invitation says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tell_of_a_request_that_is_not_delivered() {
    let suite = Suite::with(&["--allow-private-endpoints=false"]).await;
    let peer = Peer::start().await;
    for (invitation, protocol) in [
        (peer.invitation(json!({})), HandshakeProtocol::Didexchange11),
        (peer.connections_invitation(), HandshakeProtocol::Connections10),
    ] {
        let id = suite.receive(&invitation).await.exchange_id;
        tell_end(&suite, &id, Role::Invitee, AbandonCause::NotDelivered).await;
        assert_eq!(exchange(&suite, &id).await.protocol(), protocol);
    }
}
