//! Messages over a connection.

use entente_rpc::proto::connection::v1::QueryFeaturesRequest;
use entente_rpc::proto::event::v1::EventKind;
use entente_tests::acapy::{Agent, text};
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

async fn talk((sender, from): (&Agent, &str), (receiver, to): (&Agent, &str)) {
    let thread = sender.send_ping(from).await;
    let about = |event: &Value| event["thread_id"] == thread.as_str();
    let ping = receiver.controller.until("ping", about).await;
    assert_eq!((&ping["connection_id"], &ping["state"]), (&to.into(), &"received".into()));
    let answered = |event: &Value| about(event) && event["state"] == "response_received";
    let pong = sender.controller.until("ping", answered).await;
    assert_eq!(pong["connection_id"], from, "{pong}");

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
        let disclosed = |events: &[entente_rpc::proto::event::v1::Event]| {
            events.iter().any(|event| {
                event.kind() == EventKind::FeaturesDisclosed
                    && format!("{event:?}").contains(&thread)
                    && format!("{event:?}").contains("didexchange/1.1")
            })
        };
        pair.suite.events_until(disclosed, std::time::Duration::from_secs(30)).await;
    }
    assert_eq!(
        pair.acapy().active().await,
        [text(&pair.acapy().connection(&theirs).await.unwrap(), "connection_id")]
    );
}
