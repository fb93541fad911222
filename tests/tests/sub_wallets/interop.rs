//! Against a real ACA-Py with sub-wallets of its own: the same answers, and connections of tenants with a sub-wallet.

use entente_tests::Suite;
use entente_tests::acapy::{AcaPy, Agent, Controller, Refused, Relay, text};
use entente_tests::suite::eventually;
use reqwest::Method;
use serde_json::{Value, json};

/// A real ACA-Py, if it is installed, and an Entente: their base wallets.
async fn pair() -> Option<(AcaPy, Relay, Suite, Agent)> {
    let relay = Relay::start().await;
    let acapy = AcaPy::multitenant("ACA-Py", relay.url()).await?;
    relay.lead(acapy.endpoint());
    let suite = Suite::start().await;
    let agent = Agent::of(&suite, Controller::start().await);
    Some((acapy, relay, suite, agent))
}

async fn sub_wallet(base: &Agent, label: &str) -> Agent {
    let controller = Controller::start().await;
    let body = json!({"wallet_name": label, "wallet_key": "key", "label": label,
        "wallet_webhook_urls": [controller.url()]});
    let made = base.post("/multitenancy/wallet", &body).await;
    base.sub_wallet(label, &text(&made, "token"), controller)
}

/// The names of a record's fields, and of its settings, but for one that ACA-Py shows of its own store.
fn names(record: &Value) -> Vec<String> {
    let of = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = [of(record), of(&record["settings"])].concat();
    names.retain(|name| name != "dbstore.key");
    names.sort();
    names
}

/// What there is to see of an agent's answers: statuses, texts without ids, names of fields.
async fn answers(base: &Agent) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let body = json!({"wallet_name": "w", "wallet_key": "k", "label": "W",
        "image_url": "https://a.example/i.png", "wallet_dispatch_type": "both",
        "wallet_webhook_urls": ["http://127.0.0.1:9/x"]});
    let made = base.post("/multitenancy/wallet", &body).await;
    let id = text(&made, "wallet_id");
    seen.push(("create".to_owned(), names(&made).join(" ")));
    let own = format!("/multitenancy/wallet/{id}");
    for (method, path, body) in [
        (Method::GET, own.clone(), None),
        (Method::PUT, own.clone(), Some(json!({"label": "V"}))),
        (Method::PUT, own.clone(), Some(json!({"wallet_webhook_urls": []}))),
        (Method::PUT, own.clone(), Some(json!({}))),
        (Method::PUT, "/multitenancy/wallet/none".to_owned(), Some(json!({"label": "V"}))),
        (Method::GET, "/multitenancy/wallet/none".to_owned(), None),
        (Method::POST, "/multitenancy/wallet/none/token".to_owned(), Some(json!({}))),
        (Method::POST, "/multitenancy/wallet/none/remove".to_owned(), Some(json!({}))),
        (Method::POST, "/multitenancy/wallet".to_owned(), Some(body)),
        (
            Method::POST,
            "/multitenancy/wallet".to_owned(),
            Some(json!({"key_management_mode": "unmanaged"})),
        ),
        (
            Method::POST,
            "/multitenancy/wallet".to_owned(),
            Some(json!({"wallet_dispatch_type": "x"})),
        ),
        (
            Method::POST,
            "/multitenancy/wallet".to_owned(),
            Some(json!({"wallet_webhook_urls": "x"})),
        ),
        (Method::GET, "/multitenancy/wallets?limit=0".to_owned(), None),
        (Method::GET, "/multitenancy/wallets?wallet_name=nobody".to_owned(), None),
        (Method::POST, format!("{own}/token"), Some(json!({}))),
        (Method::POST, format!("{own}/remove"), Some(json!({}))),
        (Method::POST, format!("{own}/remove"), Some(json!({}))),
    ] {
        let answer = base.call(method.clone(), &path, body.as_ref()).await;
        let seen_of = match answer {
            Ok(record) if record.get("settings").is_some() => {
                let dispatch = record["settings"]["wallet.dispatch_type"].clone();
                format!(
                    "200 {} {dispatch} {}",
                    names(&record).join(" "),
                    record["settings"]["default_label"]
                )
            }
            Ok(answer) if answer.get("token").is_some() => "200 token".to_owned(),
            Ok(answer) => format!("200 {answer}"),
            Err(Refused { status, body }) => format!("{status} {body}"),
        };
        let place = |text: &str| text.replace(&id, "ID");
        seen.push((place(&format!("{method} {path}")), place(&seen_of)));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sub_wallets_are_kept_as_aca_py_keeps_them() {
    let Some((acapy, _relay, _suite, base)) = pair().await else { return };
    let (theirs, ours) = tokio::join!(answers(&acapy.agent), answers(&base));
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_connect_with_a_sub_wallet_and_reuse() {
    let Some((acapy, _relay, _suite, base)) = pair().await else { return };
    let (one, two, theirs) = (
        sub_wallet(&base, "One").await,
        sub_wallet(&base, "Two").await,
        sub_wallet(&acapy.agent, "Theirs").await,
    );
    let with_did = json!({ "handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
        "use_did_method": "did:peer:4" });
    let invite = async || {
        let made = theirs.create_invitation("auto_accept=true&multi_use=true", &with_did).await;
        made["invitation"].clone()
    };
    let invitation = invite().await;
    for ours in [&one, &two] {
        ours.receive_invitation(&invitation).await;
        ours.until_active(1).await;
    }
    theirs.until_active(2).await;
    let labels = |records: Vec<Value>| {
        let labels = records.iter().filter_map(|record| record["their_label"].as_str());
        let mut labels: Vec<_> = labels.map(str::to_owned).collect();
        labels.sort();
        labels
    };
    assert_eq!(labels(theirs.connections("").await), ["One", "Two"]);
    // A second invitation by the same DID: each tenant's own connection is reused.
    let again = invite().await;
    for ours in [&one, &two] {
        let before = ours.active().await;
        ours.receive_invitation(&again).await;
        let told = ours.controller.until("connection_reuse_accepted", |_| true).await;
        assert_eq!(told["connection_id"], before[0].as_str());
        assert_eq!(ours.active().await, before);
    }
    eventually("their wallet to be told of both", async || {
        (theirs.controller.told("connection_reuse").len() == 2).then_some(())
    })
    .await;
    assert_eq!(theirs.active().await.len(), 2);
    // The other way round, by their own invitation.
    let ours = one.create_invitation("auto_accept=true", &with_did).await;
    assert_eq!(ours["invitation"]["label"], "One");
    theirs.receive_invitation(&ours["invitation"]).await;
    one.until_active(2).await;
    // One tenant sees nothing of the other's.
    let (ones, twos) = (one.active().await, two.active().await);
    assert_eq!(twos.len(), 1);
    for id in ones {
        assert!(two.connection(&id).await.is_none());
    }
    assert_eq!(one.controller.values("x-wallet-id").len(), 1);
    assert_ne!(one.controller.values("x-wallet-id"), two.controller.values("x-wallet-id"));
    assert_eq!(base.active().await, [""; 0]);
}
