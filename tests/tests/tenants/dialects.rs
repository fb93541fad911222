//! The admin APIs: a key is worth the same in each of them.

use entente_rpc::auth::{Callers, Principal};
use entente_tests::Suite;
use serde_json::{Value, json};

use crate::support::{Tenant, call, new_key, tenant};

/// The routes of a dialect, as its source has them.
fn routes(source: &str, base: &str) -> Vec<String> {
    let texts = source.split('"').skip(1).step_by(2);
    let texts = texts.map(|text| {
        let text = text.replace("{exchange}", "/didexchange/{conn_id}");
        text.replace("{wallet}", "/multitenancy/wallet/{wallet_id}")
    });
    texts.filter(|text| text.starts_with('/')).map(|text| format!("{base}{text}")).collect()
}

pub fn all_routes() -> Vec<String> {
    let acapy = include_str!("../../../services/gateway/src/acapy.rs");
    let identus = include_str!("../../../services/gateway/src/identus.rs");
    let identus = identus.split("pub(crate) fn router").nth(1).unwrap();
    let found = [routes(acapy, ""), routes(identus, "/cloud-agent")].concat();
    assert!(found.len() > 30, "{found:?}");
    found
}

/// A reader's key reads, and changes nothing, wherever it is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_changes_nothing() {
    let suite = Suite::start().await;
    let acme = tenant(&suite, "acme").await;
    let invitation = acme.invite().await;
    let (_, reader) = new_key(&suite, "acme", &["reader"]).await;
    let before = acme.changes().await;
    let id = invitation.id.as_str();
    let get = async |path: &str| call(&suite, &reader, "GET", path, &Value::Null).await.0;
    for path in ["/connections", "/out-of-band/records", "/cloud-agent/connections", "/status"] {
        assert_eq!(get(path).await, 200, "{path}");
    }
    for path in ["/metrics", "/cloud-agent/_system/metrics"] {
        assert_eq!(get(path).await, 403, "{path}: it tells of all");
    }
    // With what a call needs, so that it is not refused for that.
    let url = suite.invite_many().await.url;
    let told: Value = serde_json::from_str(&suite.invite_many().await.message_json).unwrap();
    let changes = [
        (
            "POST",
            "/out-of-band/create-invitation".to_owned(),
            json!({"handshake_protocols": ["didexchange/1.1"]}),
        ),
        ("POST", "/out-of-band/receive-invitation".to_owned(), told),
        ("DELETE", format!("/out-of-band/invitations/{id}"), Value::Null),
        ("POST", "/connections/create-invitation".to_owned(), json!({})),
        (
            "POST",
            "/connections/create-static".to_owned(),
            json!({"their_did": "WgWxqztrNooG92RXvxSTWv", "their_verkey": "FoVLhtLAcLTXUw9PVTTkHiQ4DA3kPZzDpPbVhXfFNBGH"}),
        ),
        ("POST", "/cloud-agent/connections".to_owned(), json!({"label": "x"})),
        ("POST", "/cloud-agent/connection-invitations".to_owned(), json!({"invitation": url})),
        ("POST", "/cloud-agent/events/webhooks".to_owned(), json!({"url": "http://127.0.0.1:9/x"})),
    ];
    for (method, path, body) in changes {
        let (status, text) = call(&suite, &reader, method, &path, &body).await;
        assert_eq!(status, 403, "{method} {path}: {text}");
    }
    let mutation = json!({"query": "mutation { createAipConnectionInvitation(invitation: {alias: \"b\", myLabel: \"a\"}) { id } }"});
    let (status, text) = call(&suite, &reader, "POST", "/graphql", &mutation).await;
    assert!(status == 200 && text.contains("PERMISSION_DENIED"), "{text}");
    let query = json!({"query": "{ aipConnectionExchanges { items { id } } }"});
    let (_, text) = call(&suite, &reader, "POST", "/graphql", &query).await;
    assert!(!text.contains("errors"), "{text}");
    assert_eq!(acme.changes().await, before);
}

/// No route is open but the probes, and none tells a stranger more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_who_calls() {
    let suite = Suite::start().await;
    for path in all_routes() {
        let open = ["/status/live", "/status/ready", "/cloud-agent/_system/health"];
        if open.contains(&path.as_str()) || path == "/ws" {
            continue;
        }
        for method in ["GET", "POST", "DELETE"] {
            let (status, text) = call(&suite, "wrong", method, &path, &Value::Null).await;
            assert_eq!(status, 401, "{method} {path}: {text}");
        }
    }
    assert!(
        Callers::admin("k")
            .identify(Some("k"), None)
            .await
            .is_ok_and(|who| who == Principal::admin("default"))
    );
}

/// What is another's looks like what is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_ids_are_unknown_ones() {
    let suite = Suite::start().await;
    let (acme, bolt, cord) =
        tokio::join!(tenant(&suite, "acme"), tenant(&suite, "bolt"), tenant(&suite, "cord"));
    let invitation = bolt.invite().await;
    let accepted = bolt.accept(&cord.invite().await.url).await;
    bolt.connection().await;
    let before = bolt.changes().await;
    let unknown = uuid::Uuid::now_v7().to_string();
    let same = async |method: &str, path: &str, body: &Value, foreign: &str| {
        let answer = async |tenant: &Tenant, id: &str| {
            let path = path.replace('@', id);
            let body: Value = serde_json::from_str(&body.to_string().replace('@', id)).unwrap();
            let (status, text) = tenant.call(&suite, method, &path, &body).await;
            let text = text.replace(id, "@").replace("/cloud-agent", "");
            // Identus gives each error an id.
            let text = match serde_json::from_str::<Value>(&text) {
                Ok(Value::Object(mut fields)) => {
                    fields.remove("instance");
                    Value::Object(fields).to_string()
                }
                _ => text,
            };
            (status, text)
        };
        let (theirs, nobodys) = (answer(&acme, foreign).await, answer(&acme, &unknown).await);
        assert_eq!(theirs, nobodys, "{method} {path} of {foreign}");
    };
    let ids = [&invitation.id, &accepted.id, &accepted.connection_id];
    for path in all_routes().into_iter().filter(|path| path.contains('{')) {
        let (head, tail) = path.split_once('{').unwrap();
        let path = format!("{head}@{}", tail.split_once('}').unwrap().1);
        for id in ids {
            for (method, body) in
                [("GET", Value::Null), ("POST", json!({})), ("DELETE", Value::Null)]
            {
                same(method, &path, &body, id).await;
            }
            same("POST", &path, &json!({"content": "x", "metadata": {"a": {}}, "reason": "x"}), id)
                .await;
        }
    }
    for filter in
        ["invitation_msg_id", "conn_id", "oob_id", "my_did", "their_did", "alias", "invitation_key"]
    {
        for id in ids {
            same("GET", &format!("/connections?{filter}=@"), &Value::Null, id).await;
        }
    }
    for field in
        ["aipConnectionExchange(connExId: \"@\") { id }", "connection(connectionId: \"@\") { id }"]
    {
        for id in ids {
            same("POST", "/graphql", &json!({"query": format!("{{ {field} }}")}), id).await;
        }
    }
    for field in [
        "deleteAipConnectionExchange(connExId: \"@\")",
        "deleteConnection(connectionId: \"@\")",
        "sendBasicMessage(connectionId: \"@\", content: \"x\") { id }",
        "updateAipConnectionExchange(connExId: \"@\", exchange: {alias: \"x\"}) { id }",
    ] {
        for id in ids {
            same("POST", "/graphql", &json!({"query": format!("mutation {{ {field} }}")}), id)
                .await;
        }
    }
    assert_eq!(bolt.changes().await, before, "nothing of it was changed");
    for path in [
        "/connections",
        "/out-of-band/records",
        "/cloud-agent/connections",
        "/cloud-agent/events/webhooks",
    ] {
        let (_, text) = acme.call(&suite, "GET", path, &Value::Null).await;
        assert!(ids.iter().all(|id| !text.contains(id.as_str())), "{path}: {text}");
    }
}
