//! Requests by DID alone, without an invitation (RFC 0023).

use entente_rpc::proto::connection::v1::{CreateInvitationRequest, DidMethod, InvitationKind};
use entente_tests::acapy::{did, text};
use serde_json::{Value, json};

use crate::pair::Pair;

/// ACA-Py asks by our DID, in 1.0 (its default) and 1.1, wherever the owner opened that DID.
#[tokio::test]
async fn acapy_connects_by_our_did() {
    let Some(pair) = Pair::start().await else { return };
    for method in [DidMethod::Peer2, DidMethod::Peer4] {
        let request = CreateInvitationRequest {
            kind: InvitationKind::MultiUse.into(),
            did_method: method.into(),
            implicit: true,
            ..Default::default()
        };
        let open = pair.suite.invite_with(request).await;
        for protocol in ["didexchange/1.0", "didexchange/1.1"] {
            let before = pair.entente().active().await;
            let path = format!(
                "/didexchange/create-request?their_public_did={}&protocol={protocol}&auto_accept=true",
                open.did
            );
            let asked = pair.acapy().post(&path, &Value::Null).await;
            let at_invitee = text(&asked, "connection_id");
            let at_inviter = pair.entente().until_invited(&open.id, &before).await;
            let at_invitee = pair.acapy().until_connection(&at_invitee, "completed").await;
            assert_eq!(did(&at_inviter, "my_did"), did(&at_invitee, "their_did"));
            assert_eq!(did(&at_inviter, "their_did"), did(&at_invitee, "my_did"));
            assert_eq!(at_inviter["connection_protocol"], protocol);
            pair.acapy().send_ping(&text(&at_invitee, "connection_id")).await;
            let id = text(&at_inviter, "connection_id");
            pair.entente().controller.until("ping", |ping| ping["connection_id"] == *id).await;
        }
    }
}

#[tokio::test]
async fn acapy_is_refused_by_a_did_that_is_not_open() {
    let Some(pair) = Pair::start().await else { return };
    let closed = pair.suite.invite_many().await;
    let path = format!("/didexchange/create-request?their_public_did={}", closed.did);
    let asked = pair.acapy().post(&path, &Value::Null).await;
    pair.acapy().until_connection(&text(&asked, "connection_id"), "abandoned").await;
    assert!(pair.entente().active().await.is_empty());
}

/// The route is answered as ACA-Py answers it: with the connection record.
#[tokio::test]
async fn our_route_asks_another_agent_by_its_did() {
    let Some(pair) = Pair::start().await else { return };
    let peer = entente_tests::Peer::start().await;
    let path =
        format!("/didexchange/create-request?their_public_did={}&alias=Peer&my_label=Us", peer.did);
    let record = pair.entente().post(&path, &json!({})).await;
    assert_eq!(record["rfc23_state"], "request-sent", "{record}");
    assert_eq!(record["their_public_did"], peer.did.as_str());
    assert_eq!(record["alias"], "Peer");
    assert!(record.get("invitation_msg_id").is_none(), "{record}");
    let request = peer.listener.next().await.message;
    assert_eq!(request["label"], "Us");
    let connected = peer.respond(&pair.suite, &request).await;
    assert_eq!(record["connection_id"], connected.id.as_str());
    // No invitation was received.
    let received = pair.entente().get("/out-of-band/records?role=receiver").await;
    assert_eq!(received, json!({"results": []}));
    assert!(pair.entente().controller.told("out_of_band").is_empty());
}
