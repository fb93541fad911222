//! Messages over a connection.

use std::time::Duration;

use entente_rpc::proto::connection::v1::QueryFeaturesRequest;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_tests::acapy::Agent;
use serde_json::Value;

use crate::pair::{Pair, connect, with_did, with_key};

#[tokio::test]
async fn pings_and_texts_go_both_ways() {
    let Some(pair) = Pair::start().await else { return };
    for (inviter, invitee) in pair.both_ways() {
        for offer in [with_did("did:peer:2"), with_key("1.0")] {
            let connected = connect(inviter, invitee, &offer).await;
            let (at_inviter, at_invitee) = (connected.inviter, connected.invitee);
            talk((inviter, &at_inviter), (invitee, &at_invitee)).await;
            talk((invitee, &at_invitee), (inviter, &at_inviter)).await;
        }
    }
}

/// One pings and writes, and the other answers.
pub async fn talk((sender, from): (&Agent, &str), (receiver, to): (&Agent, &str)) {
    let thread = sender.send_ping(from).await;
    let about = |event: &Value| event["thread_id"] == thread.as_str();
    let ping = receiver.controller.until("ping", about).await;
    let answered = |event: &Value| about(event) && event["state"] == "response_received";
    let pong = sender.controller.until("ping", answered).await;
    assert_eq!(ping["state"], "received", "{ping}");
    for (event, connection) in [(ping, to), (pong, from)] {
        // ACA-Py leaves it null.
        assert!(
            event["connection_id"].is_null() || event["connection_id"] == connection,
            "{event}"
        );
    }

    let content = format!("Grüße, {to} \u{1f980}");
    sender.send_message(from, &content).await;
    let said = |event: &Value| event["content"] == content.as_str();
    let message = receiver.controller.until("basicmessages", said).await;
    assert_eq!(message["connection_id"], to, "{message}");
}

#[tokio::test]
async fn each_discovers_the_features_of_the_other() {
    let Some(pair) = Pair::start().await else { return };
    let connected = connect(pair.acapy(), pair.entente(), &with_did("did:peer:2")).await;
    let (theirs, ours) = (connected.inviter, connected.invitee);

    let expected = "https://didcomm.org/didexchange/1.1";
    let path = "/discover-features-2.0/queries?query_protocol=*&connection_id=";
    let found = pair.acapy().get(&format!("{path}{theirs}")).await;
    assert!(found["disclosures"].to_string().contains(expected), "{found}");
    let path = "/discover-features/query?query=*&connection_id=";
    let found = pair.acapy().get(&format!("{path}{theirs}")).await;
    assert!(found["disclose"].to_string().contains(expected), "{found}");

    for version in ["1.0", "2.0"] {
        let request = QueryFeaturesRequest {
            connection_id: ours.clone(),
            r#match: "https://didcomm.org/*".to_owned(),
            protocol_version: version.to_owned(),
            ..Default::default()
        };
        let answer = pair.suite.messages().query_features(request).await.unwrap();
        let thread = answer.into_inner().thread_id;
        let told = |event: &Event, words: &str| format!("{event:?}").contains(words);
        let disclosed = |events: &[Event]| {
            events.iter().any(|event| {
                event.kind() == EventKind::FeaturesDisclosed
                    && told(event, &thread)
                    && told(event, expected)
            })
        };
        pair.suite.events_until(disclosed, Duration::from_secs(30)).await;
    }
}
