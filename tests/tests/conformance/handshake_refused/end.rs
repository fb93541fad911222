//! Completes and problem reports: what ends a handshake, and what does not.

use entente_rpc::proto::connection::v1::{AbandonCause, CreateInvitationRequest, ExchangeState};
use entente_tests::peer::{kind, message, request, resolve, response, thread};
use entente_tests::suite::{eventually, seconds};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

use super::Requested;

checks!(
    a_second_complete_changes_nothing,
    a_complete_of_another_peer_changes_nothing,
    a_problem_report_of_either_shape_ends_a_handshake,
    a_problem_report_of_a_third_party_ends_nothing,
    a_warning_ends_nothing,
    a_handshake_that_was_abandoned_stays_so,
    a_done_handshake_is_not_ended_by_a_report,
);

fn reports(thid: &Value, pthid: &str) -> [Value; 3] {
    let thread = json!({"thid": thid, "pthid": pthid});
    [
        message(
            "didexchange/1.1/problem_report",
            json!({"~thread": thread, "problem-code": "request_not_accepted", "explain": "no"}),
        ),
        message(
            "didexchange/1.1/problem_report",
            json!({"~thread": thread, "description": {"code": "request_not_accepted", "en": "no"}}),
        ),
        message(
            "report-problem/1.0/problem-report",
            json!({"~thread": thread, "description": {"code": "made-up"}}),
        ),
    ]
}

async fn a_second_complete_changes_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let agent = peer.join_by(suite, &invitation).await;
    let before = suite.settled_exchange_of(&invitation.id).await;
    let thread = json!({"~thread": {"thid": agent.thread_id, "pthid": invitation.id}});
    let again = message("didexchange/1.1/complete", thread);
    let report = peer.ask(&agent, &again).await.message;
    assert!(kind(&report).contains("problem"), "{report}");
    assert_eq!(suite.settled_exchange_of(&invitation.id).await, before);
}

async fn a_complete_of_another_peer_changes_nothing(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let theirs = other.join(suite).await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let complete = message(
        "didexchange/1.1/complete",
        json!({"~thread": {"thid": thread(&response), "pthid": invitation.id}}),
    );
    let (key, url) = resolve(response["did"].as_str().unwrap());
    other.post_envelope(&url, other.key.pack(&complete, &key)).await;
    other.send(&theirs, &complete).await;
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Response);
}

async fn a_problem_report_of_either_shape_ends_a_handshake(suite: &Suite) {
    for index in 0..3 {
        let peer = Peer::start().await;
        let requested = Requested::of(suite, &peer).await;
        let [report] =
            [reports(&requested.request["@id"], &requested.invitation_id)[index].clone()];
        requested.send(&peer, &report).await;
        let exchange = suite.exchange_of(&requested.invitation_id).await;
        assert_eq!(exchange.state(), ExchangeState::Abandoned, "{report}");
        assert_eq!(exchange.abandon_cause(), AbandonCause::PeerReported, "{report}");
        let code = report["problem-code"].as_str().or(report["description"]["code"].as_str());
        assert!(exchange.error.contains(code.unwrap()), "{}", exchange.error);
    }
}

async fn a_problem_report_of_a_third_party_ends_nothing(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let theirs = other.join(suite).await;
    let requested = Requested::of(suite, &peer).await;
    for report in reports(&requested.request["@id"], &requested.invitation_id) {
        requested.send(&other, &report).await;
        other.send(&theirs, &report).await;
    }
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
}

async fn a_warning_ends_nothing(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let thread = json!({"thid": requested.request["@id"], "pthid": requested.invitation_id});
    let warning = message(
        "report-problem/1.0/problem-report",
        json!({"~thread": thread, "description": {"code": "w.made.up"}}),
    );
    requested.send(&peer, &warning).await;
    assert_eq!(requested.state(suite).await, ExchangeState::Request);
    peer.respond(suite, &requested.request).await;
}

async fn a_handshake_that_was_abandoned_stays_so(suite: &Suite) {
    let peer = Peer::start().await;
    let requested = Requested::of(suite, &peer).await;
    let report = reports(&requested.request["@id"], &requested.invitation_id)[0].clone();
    requested.send(&peer, &report).await;
    let before = suite.settled_exchange_of(&requested.invitation_id).await;
    requested.send(&peer, &response(&requested.request, &peer.did, &peer.key)).await;
    assert_eq!(suite.settled_exchange_of(&requested.invitation_id).await, before);
}

async fn a_done_handshake_is_not_ended_by_a_report(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for report in reports(&json!(agent.thread_id), &agent.invitation_id) {
        peer.send(&agent, &report).await;
    }
    assert_eq!(suite.exchange_of(&agent.invitation_id).await.state(), ExchangeState::Done);
    peer.hears_nothing(&agent).await;
    // A handshake in which nothing happens is not reported either (RFC 0160: no error for a timeout).
    let waiting = suite
        .invite_with(CreateInvitationRequest { expires_in: Some(seconds(1)), ..Default::default() })
        .await;
    eventually("the waiting handshake is abandoned", async || {
        let exchange = suite.exchange_of(&waiting.id).await;
        (exchange.state() == ExchangeState::Abandoned).then_some(())
    })
    .await;
}
