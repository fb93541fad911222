//! The other side by itself. When this fails, what the other tests say of Entente means nothing.

use entente_tests::identus::{Identus, Reach};
use serde_json::json;

#[tokio::test]
async fn the_peers_understand_each_other() {
    let Some(identus) = Identus::start().await else { return };
    let inviter = identus.agent(Reach::Direct).await;
    for (reach, shape) in [
        (Reach::Direct, "cloud-agent"),
        (Reach::Direct, "old-cloud-agent"),
        (Reach::Direct, "sdk"),
        (Reach::Mediator, "cloud-agent"),
        (Reach::Routed, "cloud-agent"),
    ] {
        let invitee = identus.agent(reach).await;
        let made = inviter.invite(json!({ "shape": shape, "goal": "to try it" })).await;
        let url = made["url"].as_str().unwrap();
        let id = made["invitation"]["id"].as_str().unwrap();
        invitee.accept(url).await.unwrap();
        let theirs = invitee.until(id, "ConnectionResponseReceived").await;
        let ours = inviter.until(id, "ConnectionResponseSent").await;
        assert_eq!(theirs["myDid"], ours["theirDid"]);
        assert_eq!(theirs["theirDid"], ours["myDid"]);
        let again = identus.agent(Reach::Direct).await.accept(url).await.unwrap_err();
        assert_eq!(again.status, 400, "{again:?}");
    }
}
