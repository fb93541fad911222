//! Invitations, connections and their states.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{CreateInvitationRequest, DidMethod, InvitationKind};
use serde_json::{Value, json};

use super::{get, invite, made, raw, receive, refused, until};
use crate::agent::Agent;

#[tokio::test]
async fn a_connection_goes_through_its_states() {
    let (alice, bob) = (Agent::start("Alice", |_| {}).await, Agent::start("Bob", |_| {}).await);
    let invitation = invite(&alice, InvitationKind::SingleUse).await;
    let waiting = get(&alice, &format!("/connections/{}", invitation.exchange_id)).await;
    assert_eq!(
        waiting,
        json!({
            "connectionId": invitation.exchange_id, "thid": invitation.id, "label": "Connect with Bob",
            "goal": "talk", "role": "Inviter", "state": "InvitationGenerated",
            "invitation": {"id": invitation.id, "type": "https://didcomm.org/out-of-band/1.1/invitation",
                "from": invitation.did, "invitationUrl": invitation.url},
            "createdAt": waiting["createdAt"], "metaRetries": 5, "self": invitation.exchange_id,
            "kind": "Connection",
        })
    );
    assert_eq!(waiting, get(&alice, &format!("/connections/{}", invitation.id)).await);

    let accepted = receive(&bob, &invitation.url).await;
    assert_eq!(
        (&accepted["state"], &accepted["role"]),
        (&json!("ConnectionRequestPending"), &json!("Invitee"))
    );
    assert_eq!(
        (&accepted["thid"], &accepted["theirDid"]),
        (&json!(invitation.id), &json!(invitation.did))
    );
    assert_eq!(accepted["invitation"]["from"], json!(invitation.did));
    let id = accepted["connectionId"].as_str().unwrap();
    assert_ne!(id, invitation.id);

    let theirs = until(&bob, id, "ConnectionResponseReceived").await;
    let ours = until(&alice, &invitation.exchange_id, "ConnectionResponseSent").await;
    assert_eq!((&ours["myDid"], &ours["theirDid"]), (&theirs["theirDid"], &theirs["myDid"]));
    assert!(ours["updatedAt"].as_str().unwrap() > ours["createdAt"].as_str().unwrap());

    // The same in the other dialect, and in the list.
    let other = bob.active("").await;
    assert_eq!(other["connection_id"], theirs["connectionId"]);
    for (agent, record) in [(&alice, &ours), (&bob, &theirs)] {
        let page = get(agent, &format!("/connections?thid={}", invitation.id)).await;
        assert_eq!(page["contents"][0]["connectionId"], record["connectionId"]);
        assert_eq!(page["contents"][0]["state"], record["state"]);
        assert_eq!(page["contents"][0]["invitation"], record["invitation"]);
    }

    let parse = "ConnectionServiceError:InvitationAlreadyReceived";
    let again =
        refused(&bob, "POST", "/connection-invitations", raw(&invitation.url), 400, parse).await;
    assert!(again.contains(&invitation.id) && again.contains(id), "{again}");

    // Another invitation with the same DID brings no second connection.
    let second = invite(&alice, InvitationKind::SingleUse).await;
    let reused = receive(&bob, &second.url).await;
    assert_eq!(reused["connectionId"], theirs["connectionId"]);
    assert_eq!(get(&bob, "/connections").await["contents"].as_array().unwrap().len(), 1);

    let path = format!("/cloud-agent/connections/{id}");
    assert_eq!(bob.call("DELETE", &path, Value::Null).await, (204, String::new()));
    let gone = "ConnectionServiceError:RecordIdNotFound";
    refused(&bob, "GET", &format!("/connections/{id}"), Value::Null, 404, gone).await;
    refused(&bob, "DELETE", &format!("/connections/{id}"), Value::Null, 404, gone).await;
}

#[tokio::test]
async fn an_invitation_that_is_deleted_is_dead() {
    let (alice, bob) = (Agent::start("Alice", |_| {}).await, Agent::start("Bob", |_| {}).await);
    let single = invite(&alice, InvitationKind::SingleUse).await;
    let many = invite(&alice, InvitationKind::MultiUse).await;
    let record = get(&alice, &format!("/connections/{}", many.id)).await;
    assert_eq!(
        (&record["state"], &record["self"]),
        (&json!("InvitationGenerated"), &json!(many.id))
    );
    // Each connection that it makes has an id of its own.
    let accepted = receive(&bob, &many.url).await;
    until(&bob, accepted["connectionId"].as_str().unwrap(), "ConnectionResponseReceived").await;
    let made = get(&alice, &format!("/connections?thid={}", many.id)).await;
    assert_eq!(made["contents"].as_array().unwrap().len(), 1);
    assert_ne!(made["contents"][0]["connectionId"], json!(many.id));

    for id in [&single.exchange_id, &many.id] {
        let path = format!("/cloud-agent/connections/{id}");
        assert_eq!(alice.call("DELETE", &path, Value::Null).await.0, 204);
        let gone = "ConnectionServiceError:RecordIdNotFound";
        refused(&alice, "GET", &format!("/connections/{id}"), Value::Null, 404, gone).await;
    }
    // What the multi-use one made stays.
    let left = get(&alice, "/connections").await;
    assert_eq!(left["contents"].as_array().unwrap().len(), 1);
    assert_eq!(left["contents"][0]["state"], "ConnectionResponseSent");
}

#[tokio::test]
async fn a_request_that_is_not_taken_is_pending() {
    let bob = Agent::start("Bob", |_| {}).await;
    let request = CreateInvitationRequest {
        did_method: DidMethod::InlineKey.into(),
        ..CreateInvitationRequest::default()
    };
    let invitation = made(&bob, request).await;
    let nowhere = invitation.message_json.replace(&bob.config.endpoint, "http://127.0.0.1:1");
    let accepted = bob
        .json("POST", "/cloud-agent/connection-invitations", json!({"invitation": nowhere}))
        .await;
    let id = accepted["connectionId"].as_str().unwrap();
    let mut record = Value::Null;
    for _ in 0..200 {
        let page = get(&bob, "/connections?offset=1").await;
        record = page["contents"][0].clone();
        if record.get("metaLastFailure").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (&record["connectionId"], &record["state"]),
        (&json!(id), &json!("ConnectionRequestPending"))
    );
    assert!(record["metaRetries"].as_i64().unwrap() < 5, "{record}");
    assert_eq!(
        record["metaLastFailure"]["type"],
        "error:ConnectionServiceError:MessageNotDelivered"
    );
    // The list and the record say the same.
    assert_eq!(record, get(&bob, &format!("/connections/{id}")).await);
    let path = format!("/cloud-agent/connections/{id}");
    assert_eq!(bob.call("DELETE", &path, Value::Null).await.0, 204);
    // What it was accepted for is gone, so that it may be accepted again.
    let again = bob
        .json("POST", "/cloud-agent/connection-invitations", json!({"invitation": nowhere}))
        .await;
    assert_ne!(again["connectionId"], json!(id));
}
