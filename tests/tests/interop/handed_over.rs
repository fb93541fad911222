//! A request that did not arrive, and that the owner of the DID hands over.

use entente_rpc::proto::connection::v1::{CreateInvitationRequest, DidMethod, InvitationKind};
use entente_rpc::proto::keystore::v1::UnpackRequest;
use entente_tests::Suite;
use entente_tests::acapy::{Agent, Controller, Relay, did, text};
use reqwest::Method;
use serde_json::{Value, json};

use crate::messages::talk;
use crate::pair::{Pair, entente};

/// The DID by which an agent takes requests.
async fn open(suite: &Suite) -> String {
    let request = CreateInvitationRequest {
        kind: InvitationKind::MultiUse.into(),
        did_method: DidMethod::Peer4.into(),
        implicit: true,
        ..Default::default()
    };
    suite.invite_with(request).await.did
}

/// Lets one agent ask another by its DID, loses the request on the way, hands it over, and sees them connect.
async fn hand_over(asks: &Agent, suite: &Suite, owner: &Agent, relay: &Relay, protocol: &str) {
    let their_did = open(suite).await;
    relay.hold_after(0);
    let path = format!(
        "/didexchange/create-request?their_public_did={their_did}&protocol={protocol}&auto_accept=true"
    );
    let asked = asks.post(&path, &Value::Null).await;
    // A look into what the relay holds, as only the owner has.
    let request = UnpackRequest { envelope: relay.until_held().await, ..Default::default() };
    let opened = suite.keystore_as_connection().unpack(request).await.unwrap().into_inner();
    let request: Value = serde_json::from_slice(&opened.plaintext).unwrap();
    assert!(text(&request, "@type").ends_with("/request"), "{request}");

    let taken =
        owner.post("/didexchange/receive-request?alias=Asked&auto_accept=true", &request).await;
    assert_eq!(
        (&taken["rfc23_state"], &taken["alias"]),
        (&json!("response-sent"), &json!("Asked"))
    );
    relay.lose();
    let (at_asker, at_owner) = (text(&asked, "connection_id"), text(&taken, "connection_id"));
    let ours = owner.until_connection(&at_owner, "completed").await;
    let theirs = asks.until_connection(&at_asker, "completed").await;
    assert_eq!(did(&ours, "their_did"), did(&theirs, "my_did"));
    assert_eq!(did(&ours, "my_did"), did(&theirs, "their_did"));
    talk((asks, &at_asker), (owner, &at_owner)).await;
    talk((owner, &at_owner), (asks, &at_asker)).await;
    // Once more is the same.
    let again = owner.post("/didexchange/receive-request", &request).await;
    assert_eq!(again["connection_id"], at_owner.as_str());
}

#[tokio::test]
async fn a_request_of_ours_that_did_not_arrive_is_handed_over() {
    let relay = Relay::start().await;
    let (suite, owner) = entente(&relay).await;
    let controller = Controller::start().await;
    let other = Suite::with(&["--webhook-url", controller.url()]).await;
    let asks = Agent::of(&other, controller);
    hand_over(&asks, &suite, &owner, &relay, "didexchange/1.1").await;
    assert_eq!(owner.active().await.len(), 1);
}

#[tokio::test]
async fn a_request_of_acapys_that_did_not_arrive_is_handed_over() {
    let Some(pair) = Pair::start().await else { return };
    for protocol in ["didexchange/1.1", "didexchange/1.0"] {
        let relay = &pair.to_entente;
        hand_over(pair.acapy(), &pair.suite, pair.entente(), relay, protocol).await;
    }
    assert_eq!(pair.entente().active().await.len(), 2);
}

#[tokio::test]
async fn what_is_no_request_for_us_is_refused_with_a_text() {
    let controller = Controller::start().await;
    let suite = Suite::start().await;
    let owner = Agent::of(&suite, controller);
    let did = open(&suite).await;
    let request = |did: &str| {
        json!({"@type": "https://didcomm.org/didexchange/1.1/request", "@id": "1",
            "~thread": {"thid": "1", "pthid": did}, "label": "Nobody", "did": did})
    };
    for (query, body, status) in [
        ("", json!({}), 400),
        ("", request("did:peer:2.Ez6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"), 400),
        ("", request("nobody"), 400),
        ("?auto_accept=perhaps", request(&did), 422),
        ("?my_endpoint=http://127.0.0.1:1", request(&did), 400),
    ] {
        let path = format!("/didexchange/receive-request{query}");
        let refused = owner.call(Method::POST, &path, Some(&body)).await.unwrap_err();
        assert_eq!(refused.status, status, "{query} {body}: {refused:?}");
        assert!(refused.body.starts_with(&format!("{status}: ")), "{refused:?}");
    }
    assert_eq!(owner.connections("").await, Vec::<Value>::new());
}
