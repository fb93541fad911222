//! What we refuse, and with which words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entente_rpc::proto::connection::v1::{CreateInvitationRequest, InvitationFormat};
use entente_tests::identus::{Reach, post};
use entente_tests::suite::seconds;
use serde_json::{Value, json};

use crate::pair::{Pair, REQUEST, url};

#[tokio::test]
async fn an_invitation_is_for_one() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::Direct).await;
    let created = pair.entente.create(json!({})).await;
    agent.accept(url(&created)).await.unwrap();
    let before = pair.settled(&created, "ConnectionResponseSent").await;

    let other = pair.identus.agent(Reach::Direct).await;
    let refused = other.accept(url(&created)).await.unwrap_err();
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(pair.entente.connection(&created["connectionId"]).await, before);
    assert_eq!(pair.entente.connections().await.len(), 1);
    assert_eq!(pair.suite.all_connections().await.len(), 1);
}

#[tokio::test]
async fn an_invitation_expires() {
    let Some(pair) = Pair::start().await else { return };
    let agent = pair.identus.agent(Reach::Direct).await;
    let request = CreateInvitationRequest {
        format: InvitationFormat::OutOfBand2.into(),
        expires_in: Some(seconds(1)),
        ..Default::default()
    };
    let invitation = pair.suite.invite_with(request).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The SDK is told when.
    let refused = agent.accept(&invitation.url).await.unwrap_err();
    assert_eq!((refused.status, refused.message.as_str()), (0, "expired"));
    // Who does not look at the time is refused here.
    let message: Value = serde_json::from_str(&invitation.message_json).unwrap();
    let from = agent.did().await;
    let to = message["from"].as_str().unwrap();
    let request = json!({
        "type": REQUEST, "from": from, "to": [to], "thid": message["id"], "body": message["body"],
    });
    let (envelope, endpoint) = agent.pack(&request, Some(&from), to).await;
    let (status, body) = post(&endpoint, envelope).await;
    assert!((400..500).contains(&status), "{status} {body}");
    assert!(pair.suite.all_connections().await.is_empty());
}

#[tokio::test]
async fn what_they_invite_with_must_be_right() {
    let Some(pair) = Pair::start().await else { return };
    let inviter = pair.identus.agent(Reach::Direct).await;

    let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 10;
    let expired = inviter.invite(json!({ "expires": past })).await;
    let refused = pair.entente.try_accept(&expired["oob"]).await;
    is_refused(&refused, "error:ConnectionServiceError:InvitationExpired");

    let made = inviter.invite(json!({})).await;
    let accepted = pair.entente.accept(&made["oob"]).await;
    pair.until_connected(&inviter, &accepted).await;
    let refused = pair.entente.try_accept(&made["oob"]).await;
    is_refused(&refused, "error:ConnectionServiceError:InvitationAlreadyReceived");

    for nonsense in ["", "e30=", "{}", "not base64!", "eyJpZCI6IjEifQ"] {
        let (status, error) = pair.entente.try_accept(&nonsense.into()).await;
        assert_eq!(status, 400, "{nonsense}: {error}");
        assert!(error["type"].as_str().unwrap().starts_with("error:"), "{error}");
    }
    assert_eq!(pair.entente.connections().await.len(), 1);
}

fn is_refused((status, error): &(u16, Value), kind: &str) {
    assert_eq!((*status, error["type"].as_str()), (400, Some(kind)), "{error}");
    assert_eq!(error["status"], 400, "{error}");
    assert!(error["detail"].is_string(), "{error}");
}
