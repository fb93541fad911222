//! Trust ping, discover features, acks, reports, timing (RFC 0015, 0031, 0032, 0035, 0048, 0557).

use entente_rpc::proto::event::v1::EventKind;
use entente_tests::peer::{kind, message, thread};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_ping_is_answered,
    a_ping_that_wants_no_response_gets_none,
    a_ping_with_a_nonsense_wish_is_reported,
    a_ping_of_ours_is_answered,
    a_basic_message_is_surfaced,
    features_1_0_are_disclosed,
    features_2_0_are_disclosed,
    an_ack_is_not_answered,
    an_expired_message_is_not_acted_on,
    a_message_that_expires_later_is_acted_on,
);

async fn a_ping_is_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for fields in [
        json!({}),
        json!({"response_requested": true, "comment": "hi"}),
        json!({"response_requested": null}),
    ] {
        let ping = message("trust_ping/1.0/ping", fields);
        let pong = peer.ask(&agent, &ping).await;
        assert_eq!(kind(&pong.message), "trust_ping/1.0/ping_response");
        assert_eq!(pong.message["~thread"]["thid"], ping["@id"]);
        assert_eq!(pong.sender, Some(agent.key));
    }
}

async fn a_ping_that_wants_no_response_gets_none(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/1.0/ping", json!({"response_requested": false}));
    peer.send(&agent, &ping).await;
    peer.hears_nothing(&agent).await;
}

async fn a_ping_with_a_nonsense_wish_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = message("trust_ping/1.0/ping", json!({"response_requested": "maybe"}));
    let report = peer.ask(&agent, &ping).await.message;
    assert_eq!(kind(&report), "report-problem/1.0/problem-report");
    assert!(
        report["description"]["en"].as_str().unwrap().contains("response_requested"),
        "{report}"
    );
}

async fn a_ping_of_ours_is_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let request = entente_rpc::proto::connection::v1::SendPingRequest {
        connection_id: agent.id.clone(),
        comment: "are you there?".to_owned(),
        ..Default::default()
    };
    let thread_id = suite.messages().send_ping(request).await.unwrap().into_inner().thread_id;
    let ping = peer.listener.next().await.message;
    assert_eq!((kind(&ping), thread(&ping)), ("trust_ping/1.0/ping", thread_id.as_str()));
    let pong = message("trust_ping/1.0/ping_response", json!({"~thread": {"thid": thread_id}}));
    peer.send(&agent, &pong).await;
    let events = suite.all_events().await;
    let told = events.iter().filter(|event| {
        event.kind() == EventKind::PingResponseReceived && event.connection_id == agent.id
    });
    assert_eq!(told.count(), 1);
    peer.hears_nothing(&agent).await;
}

async fn a_basic_message_is_surfaced(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let fields = json!({"content": "Grüße 👋", "sent_time": "2026-01-23 18:03:27.123Z"});
    peer.send(&agent, &message("basicmessage/1.0/message", fields)).await;
    let events = suite.all_events().await;
    let found = events.iter().find(|event| {
        event.kind() == EventKind::BasicMessageReceived && event.connection_id == agent.id
    });
    assert!(format!("{found:?}").contains("Grüße 👋"), "{found:?}");
    peer.hears_nothing(&agent).await;
}

fn list<'a>(answer: &'a Value, field: &str, id: &str) -> Vec<&'a str> {
    let found = answer[field].as_array().unwrap_or_else(|| panic!("{answer}"));
    found.iter().map(|feature| feature[id].as_str().unwrap()).collect()
}

async fn features_1_0_are_disclosed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for (query, expected) in [
        ("*", "https://didcomm.org/didexchange/1.1"),
        ("https://didcomm.org/out-of-band/*", "https://didcomm.org/out-of-band/1.1"),
        ("https://didcomm.org/trust_ping/1.0", "https://didcomm.org/trust_ping/1.0"),
    ] {
        let query = message("discover-features/1.0/query", json!({"query": query}));
        let answer = peer.ask(&agent, &query).await.message;
        assert_eq!(kind(&answer), "discover-features/1.0/disclose");
        assert_eq!(thread(&answer), query["@id"]);
        assert!(list(&answer, "protocols", "pid").contains(&expected), "{answer}");
    }
    let nothing = message("discover-features/1.0/query", json!({"query": "https://example.com/*"}));
    let answer = peer.ask(&agent, &nothing).await.message;
    assert!(list(&answer, "protocols", "pid").is_empty(), "{answer}");
}

async fn features_2_0_are_disclosed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let kinds =
        ["protocol", "goal-code", "gov-fw", "didcomm-version", "decorator/header", "colour"];
    let queries: Vec<Value> =
        kinds.iter().map(|kind| json!({"feature-type": kind, "match": "*"})).collect();
    let query = message("discover-features/2.0/queries", json!({"queries": queries}));
    let answer = peer.ask(&agent, &query).await.message;
    assert_eq!(kind(&answer), "discover-features/2.0/disclosures");
    assert_eq!(thread(&answer), query["@id"]);
    let types = list(&answer, "disclosures", "feature-type");
    assert!(types.contains(&"protocol") && !types.contains(&"colour"), "{answer}");
    for queries in [json!([]), json!("*"), json!([7, null])] {
        let query = message("discover-features/2.0/queries", json!({"queries": queries}));
        let answer = peer.ask(&agent, &query).await.message;
        assert!(list(&answer, "disclosures", "id").is_empty(), "{answer}");
    }
}

async fn an_ack_is_not_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for status in ["OK", "PENDING", "FAIL"] {
        let fields = json!({"status": status, "~thread": {"thid": "some-thread"}});
        peer.send(&agent, &message("notification/1.0/ack", fields)).await;
    }
    peer.hears_nothing(&agent).await;
}

async fn an_expired_message_is_not_acted_on(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for time in ["2019-01-23 18:03:27.123Z", "2019-01-23T18:03:27Z", "2019-01-23 18:03Z"] {
        let ping = message("trust_ping/1.0/ping", json!({"~timing": {"expires_time": time}}));
        peer.send(&agent, &ping).await;
        peer.hears_nothing(&agent).await;
    }
}

async fn a_message_that_expires_later_is_acted_on(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for time in ["2999-01-23 18:03:27.123Z", "2999-01-23T18:03:27Z"] {
        let ping = message("trust_ping/1.0/ping", json!({"~timing": {"expires_time": time}}));
        assert_eq!(thread(&peer.ask(&agent, &ping).await.message), ping["@id"]);
    }
}
