//! Where the events of sub-wallets go.

use std::collections::BTreeSet;

use entente_rpc::Code;
use entente_rpc::proto::event::v1::webhook_service_client::WebhookServiceClient;
use entente_rpc::proto::event::v1::{CreateWebhookRequest, WebhookFormat};
use entente_tests::Suite;
use entente_tests::acapy::Controller;
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use crate::acapy::{call, wallet};

/// Makes an invitation in a wallet, or in the base wallet; its id.
async fn invite(suite: &Suite, token: &str) -> String {
    let body = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]});
    let bearer = format!("Bearer {token}");
    let path = ("POST", "/out-of-band/create-invitation");
    let (status, made) = call(suite, path, &[("authorization", &bearer)], body).await;
    assert_eq!(status, 200, "{made}");
    made["invi_msg_id"].as_str().unwrap().to_owned()
}

async fn told(controller: &Controller, invitation: &str) -> Value {
    controller.until("out_of_band", |payload| payload["invi_msg_id"] == invitation).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_to_a_wallets_own_urls_or_to_the_base_wallets() {
    let [base, own, both] =
        [Controller::start().await, Controller::start().await, Controller::start().await];
    let suite = Suite::with(&["--webhook-url", &format!("{}#basekey", base.url())]).await;
    let (alice, token) =
        wallet(&suite, json!({"wallet_webhook_urls": [format!("{}#h00k", own.url())]})).await;
    let (bob, bobs) = wallet(&suite, json!({})).await;
    let body = json!({"wallet_webhook_urls": [both.url()], "wallet_dispatch_type": "both"});
    let (carol, carols) = wallet(&suite, body).await;

    let [of_alice, of_bob, of_carol, of_base] = [
        invite(&suite, &token).await,
        invite(&suite, &bobs).await,
        invite(&suite, &carols).await,
        invite(&suite, &suite.api_key).await,
    ];
    told(&own, &of_alice).await;
    told(&both, &of_carol).await;
    for invitation in [&of_bob, &of_carol, &of_base] {
        told(&base, invitation).await;
    }
    let set = |values: &[&str]| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(own.values("x-wallet-id"), set(&[&alice]));
    assert_eq!(own.values("x-api-key"), set(&["h00k"]));
    assert_eq!(both.values("x-wallet-id"), set(&[&carol]));
    assert_eq!(both.values("x-api-key"), set(&[""]));
    assert_eq!(base.values("x-wallet-id"), set(&[&bob, &carol, ""]));
    assert_eq!(base.values("x-api-key"), set(&["basekey"]));

    // It is the operator who sends events there.
    let mut client = WebhookServiceClient::new(suite.link_with(&token));
    for (format, code) in [
        (WebhookFormat::AcapyBase, Code::PermissionDenied),
        (WebhookFormat::Acapy, Code::AlreadyExists),
    ] {
        let url = if format == WebhookFormat::Acapy { own.url() } else { "" }.to_owned();
        let request = CreateWebhookRequest { url, format: format.into(), headers: Vec::new() };
        let refused = client.create_webhook(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }

    // From her own URL to the base wallet's, which learns of what comes from then on.
    let path = format!("/multitenancy/wallet/{alice}");
    let key = [("x-api-key", suite.api_key.as_str())];
    let body = json!({"wallet_dispatch_type": "base"});
    assert_eq!(call(&suite, ("PUT", &path), &key, body).await.0, 200);
    told(&base, &invite(&suite, &token).await).await;
    assert!(
        !base.told("out_of_band").iter().any(|payload| payload["invi_msg_id"] == of_alice.as_str())
    );
    assert_eq!(own.told("out_of_band").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_is_the_tenants() {
    use futures_util::StreamExt as _;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let suite = Suite::start().await;
    let (alice, token) = wallet(&suite, json!({"label": "Alice"})).await;
    let url = format!("{}/ws?after=0", suite.admin_url.replace("http", "ws"));
    let connect = async |key: &str| {
        let mut request = url.as_str().into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        tokio_tungstenite::connect_async(request).await.unwrap().0
    };
    let (mut alices, mut bases) = (connect(&token).await, connect(&suite.api_key).await);
    let invited = [invite(&suite, &token).await, invite(&suite, &suite.api_key).await];
    for (socket, label, wallet, invitation) in [
        (&mut alices, "Alice", Some(alice.as_str()), &invited[0]),
        (&mut bases, "Entente", None, &invited[1]),
    ] {
        let mut settings = Value::Null;
        let told = eventually("the event", async || {
            let frame = socket.next().await.unwrap().unwrap();
            let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
            if frame["topic"] == "settings" {
                settings = frame.clone();
            }
            (frame["topic"] == "out_of_band").then_some(frame)
        })
        .await;
        assert_eq!(settings["payload"]["label"], label);
        assert_eq!(told["payload"]["invi_msg_id"], invitation.as_str());
        assert_eq!(told.get("wallet_id").and_then(Value::as_str), wallet);
    }
}
