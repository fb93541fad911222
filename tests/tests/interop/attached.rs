//! Invitations with a request attached.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, HandshakeProtocol, ReuseOutcome, ReuseReason,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_tests::acapy::text;
use serde_json::{Value, json};

use crate::pair::{Pair, with_did};

#[tokio::test]
async fn a_request_of_acapy_is_handed_over_on_a_new_and_on_an_existing_connection() {
    let Some(pair) = Pair::start().await else { return };
    let mut made = String::new();
    for reason in [ReuseReason::DidUnknown, ReuseReason::RequestAttached] {
        let record = pair.acapy().post("/present-proof-2.0/create-request", &proof_request()).await;
        let mut offer = with_did("did:peer:2");
        offer["attachments"] = json!([{ "id": record["pres_ex_id"], "type": "present-proof" }]);
        let invitation = pair.acapy().create_invitation("", &offer).await;
        let request = AcceptInvitationRequest {
            invitation: invitation["invitation"].to_string(),
            ..Default::default()
        };
        let accepted = pair.suite.accept_with(request).await.unwrap();
        assert_eq!(accepted.decision.as_ref().unwrap().reason(), reason);
        if reason == ReuseReason::RequestAttached {
            assert_eq!(accepted.decision.unwrap().outcome(), ReuseOutcome::Reused);
            assert_eq!(accepted.connection_id, made);
        }
        made.clone_from(&accepted.connection_id);
        let thread = text(&record, "thread_id");
        let handed_over = |events: &[Event]| {
            events.iter().any(|event| match &event.record {
                Some(Record::Message(message)) => {
                    event.kind() == EventKind::RequestAttached
                        && message.thread_id == thread
                        && message.connection_id == made
                }
                _ => false,
            })
        };
        pair.suite.events_until(handed_over, Duration::from_secs(30)).await;
        pair.entente().until_connection(&made, "completed").await;
        pair.acapy().until_active(1).await;
    }
    assert!(pair.acapy().controller.told("connection_reuse").is_empty());
}

#[tokio::test]
async fn acapy_takes_a_request_of_ours_on_a_new_and_on_an_existing_connection() {
    let Some(pair) = Pair::start().await else { return };
    let mut made = None;
    for id in ["first-request", "second-request"] {
        let invitation = pair.suite.invite_with(CreateInvitationRequest {
            handshake_protocols: vec![HandshakeProtocol::Didexchange11.into()],
            attachments_json: vec![presentation_request(id).to_string()],
            ..Default::default()
        });
        let invitation: Value = serde_json::from_str(&invitation.await.message_json).unwrap();
        let record = pair.acapy().receive_invitation(&invitation).await;
        let asked = |event: &Value| event["thread_id"] == id;
        let event = pair.acapy().controller.until("present_proof_v2_0", asked).await;
        assert_eq!(event["state"], "request-received", "{event}");
        let connection = text(&record, "connection_id");
        assert_eq!(event["connection_id"], connection.as_str(), "{event}");
        assert_eq!(*made.get_or_insert(connection.clone()), connection);
        pair.entente().until_active(1).await;
    }
}

/// What ACA-Py's owner asks for.
fn proof_request() -> Value {
    json!({ "presentation_request": { "dif": definition() } })
}

/// What ACA-Py makes of that (RFC 0454, RFC 0510).
fn presentation_request(id: &str) -> Value {
    json!({
        "@type": "https://didcomm.org/present-proof/2.0/request-presentation",
        "@id": id,
        "will_confirm": true,
        "formats": [{ "attach_id": "dif", "format": "dif/presentation-exchange/definitions@v1.0" }],
        "request_presentations~attach": [{
            "@id": "dif",
            "mime-type": "application/json",
            "data": { "json": definition() },
        }],
    })
}

fn definition() -> Value {
    json!({
        "options": { "challenge": "3fa85f64-5717-4562-b3fc-2c963f66afa7", "domain": "example.org" },
        "presentation_definition": {
            "id": "32f54163-7166-48f1-93d8-ff217bdb0654",
            "input_descriptors": [{
                "id": "citizenship",
                "name": "Citizenship",
                "schema": [{ "uri": "https://w3id.org/citizenship#PermanentResident" }],
                "constraints": { "fields": [{ "path": ["$.credentialSubject.familyName"] }] },
            }],
        },
    })
}
