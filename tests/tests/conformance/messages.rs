//! Messages, threads, versions (RFC 0003, 0008, 0011, 0035, 0348).

use entente_rpc::proto::event::v1::EventKind;
use entente_tests::peer::{kind, message, request, thread};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    the_legacy_prefix_is_read,
    unknown_fields_and_decorators_are_ignored,
    an_empty_thread_is_tolerated,
    a_reply_names_the_thread,
    a_higher_minor_is_answered_in_ours,
    a_request_of_a_higher_minor_completes,
    a_handshake_begun_at_1_0_ends_at_1_0,
    an_unknown_major_is_reported,
    an_unknown_major_of_out_of_band_is_reported,
    an_unknown_message_of_a_known_protocol_is_reported,
    a_message_of_an_unknown_protocol_is_handed_over,
    a_problem_report_is_not_answered,
    a_replayed_request_has_no_second_effect,
    a_replayed_ping_is_answered_once,
    a_message_without_id_or_type_is_dropped,
    a_message_that_is_no_object_is_dropped,
);

async fn the_legacy_prefix_is_read(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut ping = message("trust_ping/1.0/ping", json!({}));
    ping["@type"] = json!("did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/trust_ping/1.0/ping");
    let pong = peer.ask(&agent, &ping).await.message;
    assert!(pong["@type"].as_str().unwrap().ends_with("/trust_ping/1.0/ping_response"), "{pong}");
    assert_eq!(thread(&pong), ping["@id"]);
}

async fn unknown_fields_and_decorators_are_ignored(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let fields = json!({"colour": ["red"], "~foo": {"bar": 1}, "~timing": {"in_time": "soon"}, "~l10n": {"locale": "xx"}});
    let ping = message("trust_ping/1.0/ping", fields);
    let pong = peer.ask(&agent, &ping).await.message;
    assert_eq!(kind(&pong), "trust_ping/1.0/ping_response");
}

async fn an_empty_thread_is_tolerated(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/1.0/ping", json!({"~thread": {}}));
    let pong = peer.ask(&agent, &ping).await.message;
    assert_eq!(pong["~thread"]["thid"], ping["@id"]);
}

async fn a_reply_names_the_thread(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/1.0/ping", json!({"~thread": {"thid": "a-thread-of-mine"}}));
    let pong = peer.ask(&agent, &ping).await.message;
    assert_eq!(pong["~thread"]["thid"], "a-thread-of-mine");
    assert_ne!(pong["@id"], ping["@id"]);
}

async fn a_higher_minor_is_answered_in_ours(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let pong = peer.ask(&agent, &message("trust_ping/1.7/ping", json!({}))).await.message;
    assert_eq!(kind(&pong), "trust_ping/1.0/ping_response");
}

async fn a_request_of_a_higher_minor_completes(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.9", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    assert_eq!(kind(&response), "didexchange/1.1/response");
    peer.complete(suite, &invitation, &response).await;
}

async fn a_handshake_begun_at_1_0_ends_at_1_0(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.0", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    assert_eq!(kind(&response), "didexchange/1.0/response");
    peer.complete(suite, &invitation, &response).await;
}

async fn an_unknown_major_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/9.0/ping", json!({}));
    let report = peer.ask(&agent, &ping).await.message;
    assert_eq!(code(&report), "version-not-supported");
    assert_eq!(thread(&report), ping["@id"]);
}

async fn an_unknown_major_of_out_of_band_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let report = peer.ask(&agent, &message("out-of-band/7.0/handshake-reuse", json!({}))).await;
    assert_eq!(code(&report.message), "version-not-supported");
}

async fn an_unknown_message_of_a_known_protocol_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let pung = message("trust_ping/1.0/pung", json!({}));
    let report = peer.ask(&agent, &pung).await.message;
    assert_eq!(kind(&report), "report-problem/1.0/problem-report");
    assert_eq!(thread(&report), pung["@id"]);
}

async fn a_message_of_an_unknown_protocol_is_handed_over(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let offer = message("issue-credential/2.0/offer-credential", json!({"comment": "for you"}));
    peer.send(&agent, &offer).await;
    let events = suite.all_events().await;
    let found = events.iter().find(|event| {
        event.kind() == EventKind::MessageReceived && event.connection_id == agent.id
    });
    let found = found.expect("an event with the message").record.clone().unwrap();
    let text = format!("{found:?}");
    assert!(text.contains("for you") && text.contains(offer["@id"].as_str().unwrap()), "{text}");
    peer.hears_nothing(&agent).await;
}

async fn a_problem_report_is_not_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for kind in [
        "report-problem/1.0/problem-report",
        "report-problem/9.0/problem-report",
        "notification/1.0/problem-report",
    ] {
        let fields = json!({"description": {"code": "made-up", "en": "something"}});
        peer.send(&agent, &message(kind, fields)).await;
        peer.hears_nothing(&agent).await;
    }
}

async fn a_replayed_request_has_no_second_effect(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite_many().await;
    let request = request("1.1", &invitation.id, &peer.did);
    let key = entente_did::PublicKey::from_multibase(&invitation.key).unwrap();
    let envelope = peer.key.pack(&request, &key);
    let url = entente_tests::peer::service_url(&invitation);
    for _ in 0..3 {
        assert_eq!(peer.post_envelope(&url, envelope.clone()).await.status, 202);
    }
    // The same message in another envelope.
    assert_eq!(peer.request(&invitation, &request).await.status, 202);
    let response = peer.listener.next().await.message;
    let agent = peer.complete(suite, &invitation, &response).await;
    peer.hears_nothing(&agent).await;
    let made = suite.all_exchanges().await;
    assert_eq!(made.iter().filter(|exchange| exchange.invitation_id == invitation.id).count(), 1);
}

async fn a_replayed_ping_is_answered_once(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/1.0/ping", json!({}));
    let envelope = peer.key.pack(&ping, &agent.key);
    for _ in 0..3 {
        assert_eq!(peer.post_envelope(&agent.url, envelope.clone()).await.status, 202);
    }
    assert_eq!(thread(&peer.listener.next().await.message), ping["@id"]);
    peer.hears_nothing(&agent).await;
}

async fn a_message_without_id_or_type_is_dropped(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for field in ["@id", "@type"] {
        let mut ping = message("trust_ping/1.0/ping", json!({}));
        ping.as_object_mut().unwrap().remove(field);
        peer.send(&agent, &ping).await;
        peer.hears_nothing(&agent).await;
    }
}

async fn a_message_that_is_no_object_is_dropped(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for value in [json!([]), json!("ping"), json!(null), json!(7)] {
        peer.send(&agent, &value).await;
    }
    peer.hears_nothing(&agent).await;
}

/// The code of a problem report, which is there in both shapes.
fn code(report: &Value) -> &str {
    let code = report["description"]["code"].as_str().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(report["problem-code"], code, "{report}");
    code
}
