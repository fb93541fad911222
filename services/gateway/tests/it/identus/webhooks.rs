//! Webhooks that callers register.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use entente_rpc::proto::connection::v1::InvitationKind;
use serde_json::{Value, json};

use super::{get, invite, receive, refused};
use crate::agent::Agent;
use crate::support::bind;

/// A receiver of webhooks: what it was told, with the header that it was told it with.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<(String, Value)>>>);

impl Receiver {
    async fn listen(&self) -> String {
        async fn tell(
            State(receiver): State<Receiver>,
            headers: HeaderMap,
            body: String,
        ) -> StatusCode {
            let key = headers.get("x-webhook-key").unwrap().to_str().unwrap().to_owned();
            receiver.0.lock().unwrap().push((key, serde_json::from_str(&body).unwrap()));
            StatusCode::OK
        }
        let listener = bind().await;
        let url = format!("http://{}/told?by=agent", listener.local_addr().unwrap());
        let router =
            axum::Router::new().route("/told", axum::routing::post(tell)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn states(&self, thread_id: &str) -> Vec<Value> {
        let told = self.0.lock().unwrap();
        let of_thread = told.iter().filter(|(_, event)| event["data"]["thid"] == thread_id);
        of_thread.map(|(_, event)| event["data"]["state"].clone()).collect()
    }

    async fn until(&self, thread_id: &str, state: &str) {
        for _ in 0..400 {
            if self.states(thread_id).iter().any(|told| told == state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{state} was not told: {:#?}", self.0.lock().unwrap());
    }
}

#[tokio::test]
async fn registered_webhooks_are_told_every_state() {
    let private = |config: &mut entente_gateway::Config| config.webhooks.allow_private = true;
    let mut alice = Agent::start("Alice", private).await;
    let bob = Agent::start("Bob", private).await;
    let (inviter, invitee) = (Receiver::default(), Receiver::default());
    for (agent, receiver, key) in [(&alice, &inviter, "one"), (&bob, &invitee, "two")] {
        let url = receiver.listen().await;
        let body = json!({"url": url, "customHeaders": {"X-Webhook-Key": key}});
        let made = agent.json("POST", "/cloud-agent/events/webhooks", body.clone()).await;
        assert_eq!(
            (&made["url"], &made["customHeaders"]),
            (&json!(url), &json!({"X-Webhook-Key": "********"}))
        );
        let listed = get(agent, "/events/webhooks").await;
        assert_eq!(
            (&listed["kind"], &listed["contents"]),
            (&json!("WebhookNotificationPage"), &json!([made]))
        );
        let twice = "WalletManagementServiceError:TooManyWebhookError";
        refused(agent, "POST", "/events/webhooks", body, 409, twice).await;
    }
    let invitation = invite(&alice, InvitationKind::SingleUse).await;
    let accepted = receive(&bob, &invitation.url).await;
    inviter.until(&invitation.id, "ConnectionResponseSent").await;
    invitee.until(&invitation.id, "ConnectionResponseReceived").await;
    assert_eq!(
        inviter.states(&invitation.id),
        [
            "InvitationGenerated",
            "ConnectionRequestReceived",
            "ConnectionResponsePending",
            "ConnectionResponseSent"
        ]
    );
    assert_eq!(
        invitee.states(&invitation.id),
        ["ConnectionRequestPending", "ConnectionResponseReceived"]
    );
    {
        let told = invitee.0.lock().unwrap();
        let (key, event) = told.last().unwrap();
        assert_eq!(key, "two");
        assert_eq!(
            (&event["type"], &event["data"]["kind"]),
            (&json!("ConnectionUpdated"), &json!("Connection"))
        );
        assert_eq!(event["data"]["connectionId"], accepted["connectionId"]);
        assert_eq!(event["data"]["invitation"], accepted["invitation"]);
        assert_eq!(event["walletId"], "00000000-0000-0000-0000-000000000000");
    }

    // What happens while the gateway is away is told when it is back; nothing twice after an orderly end.
    alice.gateway.shutdown().await;
    let before = inviter.0.lock().unwrap().len();
    let away = invite(&alice, InvitationKind::MultiUse).await;
    alice.restart_gateway().await;
    inviter.until(&away.id, "InvitationGenerated").await;
    assert_eq!(inviter.0.lock().unwrap().len(), before + 1);
    alice.gateway.shutdown().await;

    // One that is removed hears no more.
    let listed = get(&bob, "/events/webhooks").await;
    let path =
        format!("/cloud-agent/events/webhooks/{}", listed["contents"][0]["id"].as_str().unwrap());
    assert_eq!(bob.call("DELETE", &path, Value::Null).await, (200, String::new()));
    assert_eq!(get(&bob, "/events/webhooks").await["contents"], json!([]));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let heard = invitee.0.lock().unwrap().len();
    invite(&bob, InvitationKind::SingleUse).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(invitee.0.lock().unwrap().len(), heard);
}

#[tokio::test]
async fn a_webhook_on_a_private_address_is_refused() {
    let alice = Agent::start("Alice", |_| {}).await;
    let unreadable = "RequestBodyDecodingFailure";
    for url in [
        "http://127.0.0.1:8080/x",
        "http://[::1]/x",
        "http://169.254.169.254/",
        "ftp://x.example",
        "x",
        "",
    ] {
        refused(&alice, "POST", "/events/webhooks", json!({"url": url}), 400, unreadable).await;
    }
    let header = json!({"url": "https://x.example", "customHeaders": {"a b": "c"}});
    refused(&alice, "POST", "/events/webhooks", header, 400, unreadable).await;
    assert_eq!(get(&alice, "/events/webhooks").await["contents"], json!([]));
}
