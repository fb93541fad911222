//! ACA-Py's sub-wallets: their records, and who is let in by which key.

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1::CreateApiKeyRequest;
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_tests::Suite;
use entente_tests::suite::{eventually, seconds};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A call with headers: the status, and the body as JSON or as a text.
pub async fn call(
    suite: &Suite,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Value,
) -> (u16, Value) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    let url = format!("{}{path}", suite.admin_url);
    let mut request = suite.http.request(method.parse().unwrap(), url).headers(headers);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A call of the operator, which is taken.
async fn operate(suite: &Suite, call_of: (&str, &str), body: Value) -> Value {
    let (status, answer) = call(suite, call_of, &[("x-api-key", &suite.api_key)], body).await;
    assert_eq!(status, 200, "{call_of:?}: {answer}");
    answer
}

/// Makes a sub-wallet: its id and its token.
pub async fn wallet(suite: &Suite, body: Value) -> (String, String) {
    let made = operate(suite, ("POST", "/multitenancy/wallet"), body).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("wallet_id"), text("token"))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_kept_changed_and_removed() {
    let suite = Suite::start().await;
    let body = json!({"wallet_name": "alice", "wallet_key": "s3cret", "label": "Alice",
        "wallet_webhook_urls": ["http://127.0.0.1:9/x#h00k"], "image_url": "https://a.example/i.png"});
    let (id, token) = wallet(&suite, body.clone()).await;
    assert!(!token.contains("s3cret") && !token.contains(&id));
    let path = format!("/multitenancy/wallet/{id}");
    let record = operate(&suite, ("GET", &path), Value::Null).await;
    assert_eq!(
        (&record["wallet_id"], &record["key_management_mode"]),
        (&json!(id), &json!("managed"))
    );
    assert_eq!(
        record["settings"],
        json!({"wallet.id": id, "wallet.name": "alice", "wallet.type": "askar", "default_label": "Alice",
            "wallet.webhook_urls": ["http://127.0.0.1:9/x"], "wallet.dispatch_type": "default",
            "image_url": "https://a.example/i.png"})
    );
    let (status, text) = call(
        &suite,
        ("POST", "/multitenancy/wallet"),
        &[("x-api-key", &suite.api_key)],
        body.clone(),
    )
    .await;
    assert_eq!((status, text), (400, json!("400: Wallet with name alice already exists.")));

    let changed =
        operate(&suite, ("PUT", &path), json!({"label": "Bob", "wallet_webhook_urls": []})).await;
    assert_eq!(changed["settings"]["default_label"], "Bob");
    assert_eq!(changed["settings"]["wallet.dispatch_type"], "base");
    assert_eq!(changed["settings"]["image_url"], "https://a.example/i.png");
    assert_eq!(operate(&suite, ("GET", &path), Value::Null).await["settings"], changed["settings"]);

    let (other, _) = wallet(&suite, json!({})).await;
    let ids = async |query: &str| {
        let listed =
            operate(&suite, ("GET", &format!("/multitenancy/wallets?{query}")), Value::Null).await;
        let listed = listed["results"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|record| record["wallet_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [id.clone(), other.clone()]);
    assert_eq!(ids("descending=true&limit=1").await, [other.as_str()]);
    assert_eq!(ids("offset=1").await, [other.as_str()]);
    assert_eq!(ids("wallet_name=alice").await, [id.as_str()]);
    assert_eq!(ids("wallet_name=none").await, [""; 0]);

    operate(&suite, ("POST", &format!("{path}/remove")), Value::Null).await;
    assert_eq!(ids("").await, [other]);
    let gone = format!("404: Record not found: wallet_record/{id}.");
    for (method, path) in
        [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/token"))]
    {
        let key = [("x-api-key", suite.api_key.as_str())];
        let answer = call(&suite, (method, &path), &key, Value::Null).await;
        assert_eq!(answer, (404, json!(gone)), "{method} {path}");
    }
    // The name is free again, and the token is worth nothing.
    wallet(&suite, body).await;
    refused_in_the_end(&suite, &token).await;
}

async fn refused_in_the_end(suite: &Suite, token: &str) {
    eventually("the token to be refused", async || {
        let headers = [("authorization", bearer(token))];
        let headers = [(headers[0].0, headers[0].1.as_str())];
        let (status, _) = call(suite, ("GET", "/connections"), &headers, Value::Null).await;
        matches!(status, 401 | 403).then_some(())
    })
    .await;
}

/// Where no key is asked for, a token still opens its own wallet alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_counts_where_none_is_asked_for() {
    let suite = Suite::with(&["--admin-insecure"]).await;
    let (_, token) = wallet(&suite, json!({})).await;
    let token = bearer(&token);
    let create = ("POST", "/out-of-band/create-invitation");
    let body = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]});
    let (status, _) = call(&suite, create, &[("authorization", &token)], body).await;
    assert_eq!(status, 200);
    let count = async |headers: &[(&str, &str)]| {
        let (_, listed) = call(&suite, ("GET", "/connections"), headers, Value::Null).await;
        listed["results"].as_array().unwrap().len()
    };
    assert_eq!(count(&[("authorization", &token)]).await, 1);
    assert_eq!(count(&[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_its_wallet_and_nothing_else() {
    let suite = Suite::start().await;
    let (id, token) = wallet(&suite, json!({"label": "Alice"})).await;
    let (other, others) = wallet(&suite, json!({})).await;
    let (token, others) = (bearer(&token), bearer(&others));
    let key = suite.api_key.as_str();
    let status = async |path: (&str, &str), headers: &[(&str, &str)]| {
        call(&suite, path, headers, Value::Null).await.0
    };
    let list = ("GET", "/connections");
    assert_eq!(status(list, &[("authorization", &token)]).await, 200);
    assert_eq!(status(list, &[("authorization", &token), ("x-api-key", key)]).await, 200);
    assert_eq!(status(list, &[("authorization", &token), ("x-api-key", "wrong")]).await, 401);
    assert_eq!(status(list, &[("x-api-key", key)]).await, 200);
    for wrong in
        ["Bearer x", "Bearer ", "Basic eDp5", "Bearer eyJhbGciOiJub25lIn0.e30.", &token[..60]]
    {
        assert_eq!(status(list, &[("authorization", wrong)]).await, 401, "{wrong}");
    }
    let own = format!("/multitenancy/wallet/{id}");
    let foreign = format!("/multitenancy/wallet/{other}");
    for path in [
        ("GET", own.as_str()),
        ("GET", foreign.as_str()),
        ("POST", &format!("{own}/token")),
        ("POST", &format!("{foreign}/remove")),
        ("GET", "/multitenancy/wallets"),
        ("POST", "/multitenancy/wallet"),
    ] {
        let answer = call(&suite, path, &[("authorization", &token)], Value::Null).await;
        assert_eq!(answer, (401, json!("401: API Key invalid or missing.")), "{path:?}");
    }
    // What is another's is as what there never was.
    let body = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]});
    let create = ("POST", "/out-of-band/create-invitation");
    let (_, made) = call(&suite, create, &[("authorization", &others)], body).await;
    let made = made["invi_msg_id"].as_str().unwrap();
    let never = uuid::Uuid::new_v4().to_string();
    for id in [made, &never] {
        let path = format!("/out-of-band/invitations?oob_id={id}");
        let answer = call(&suite, ("GET", &path), &[("authorization", &token)], Value::Null).await;
        assert_eq!(answer, (404, json!(format!("404: no out-of-band record has the id {id:?}."))));
    }
    // One whose time is over.
    let mut keys = ApiKeyServiceClient::new(suite.link_with(key));
    let request = CreateApiKeyRequest {
        name: "short".to_owned(),
        roles: vec!["owner".to_owned()],
        expires_in: Some(seconds(1)),
    };
    let made = keys.create_api_key(for_tenant(&id, request).unwrap()).await.unwrap().into_inner();
    let ended = eventually("the key to end", async || {
        let headers = [("authorization", bearer(&made.key))];
        let headers = [(headers[0].0, headers[0].1.as_str())];
        let (status, text) = call(&suite, list, &headers, Value::Null).await;
        (status == 401).then_some(text)
    })
    .await;
    assert!(ended.as_str().is_some_and(|text| text.contains("its time is over")), "{ended}");
    // A new token ends the old one.
    let renewed = operate(&suite, ("POST", &format!("{own}/token")), json!({})).await;
    let renewed = bearer(renewed["token"].as_str().unwrap());
    assert_ne!(renewed, token);
    assert_eq!(status(list, &[("authorization", &renewed)]).await, 200);
    refused_in_the_end(&suite, token.trim_start_matches("Bearer ")).await;
    assert_eq!(status(list, &[("authorization", &renewed)]).await, 200);
}
