//! Identus' tenants, by the calls of its documentation: a wallet, an entity that owns it, a key for the entity, and a
//! connection of the wallet.

use entente_tests::Suite;
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use crate::acapy::call as send;

const KEY: &str = "a-key-that-the-operator-chose";

async fn call(
    suite: &Suite,
    (method, path): (&str, &str),
    header: (&str, &str),
    body: Value,
) -> (u16, Value) {
    send(suite, (method, &format!("/cloud-agent{path}")), &[header], body).await
}

/// A call of the administrator.
async fn administer(suite: &Suite, path: (&str, &str), body: Value) -> (u16, Value) {
    call(suite, path, ("x-admin-api-key", &suite.api_key), body).await
}

async fn made(suite: &Suite, path: &str, body: Value) -> Value {
    let (status, answer) = administer(suite, ("POST", path), body).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer
}

/// A wallet with an entity: their ids.
async fn onboard(suite: &Suite, name: &str, key: &str) -> (Value, Value) {
    let wallet = made(suite, "/wallets", json!({ "name": name })).await["id"].clone();
    let body = json!({ "name": name, "walletId": wallet });
    let entity = made(suite, "/iam/entities", body).await["id"].clone();
    made(suite, "/iam/apikey-authentication", json!({ "entityId": entity, "apiKey": key })).await;
    (wallet, entity)
}

fn refused(answer: &(u16, Value)) -> (u16, &str) {
    assert_eq!(answer.1["status"], answer.0, "{answer:?}");
    (answer.0, answer.1["type"].as_str().unwrap())
}

/// Waits until a key opens nothing any more.
async fn until_refused(suite: &Suite, key: &str) {
    eventually("the key to be refused", async || {
        let answer = call(suite, ("GET", "/connections"), ("apikey", key), Value::Null).await;
        (answer.0 == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_onboarded_and_connects() {
    let suite = Suite::start().await;
    let (wallet, entity) = onboard(&suite, "acme", KEY).await;
    let (other, _) = onboard(&suite, "beta", "another-key-that-was-chosen").await;
    let path = format!("/wallets/{}", wallet.as_str().unwrap());
    let (_, shown) = administer(&suite, ("GET", &path), Value::Null).await;
    assert_eq!((&shown["id"], &shown["name"]), (&wallet, &json!("acme")));
    let (_, page) = administer(&suite, ("GET", "/wallets?limit=2"), Value::Null).await;
    assert_eq!(
        (&page["kind"], page["contents"].as_array().unwrap().len()),
        (&json!("WalletPage"), 2)
    );
    assert_eq!(page["next"], "/cloud-agent/wallets?offset=2&limit=2");
    let path = format!("/iam/entities/{}", entity.as_str().unwrap());
    let (_, shown) = administer(&suite, ("GET", &path), Value::Null).await;
    assert_eq!((&shown["kind"], &shown["walletId"]), (&json!("Entity"), &wallet));

    let body = json!({"label": "Connect with Beta"});
    let (status, invited) = call(&suite, ("POST", "/connections"), ("apikey", KEY), body).await;
    assert_eq!(status, 201, "{invited}");
    let url = invited["invitation"]["invitationUrl"].as_str().unwrap();
    let body = json!({"invitation": url.split_once("_oob=").unwrap().1});
    let beta = ("apikey", "another-key-that-was-chosen");
    let (status, accepted) = call(&suite, ("POST", "/connection-invitations"), beta, body).await;
    assert_eq!(status, 200, "{accepted}");
    let until = async |key: (&str, &str), id: &Value, state: &str| {
        let path = format!("/connections/{}", id.as_str().unwrap());
        eventually(state, async || {
            let (_, record) = call(&suite, ("GET", &path), key, Value::Null).await;
            (record["state"] == state).then_some(())
        })
        .await;
    };
    until(("apikey", KEY), &invited["connectionId"], "ConnectionResponseSent").await;
    until(beta, &accepted["connectionId"], "ConnectionResponseReceived").await;

    // What is another's is as what there never was, and the default wallet has none of it.
    let never = json!(uuid::Uuid::new_v4().to_string());
    for id in [&invited["connectionId"], &never] {
        let path = format!("/connections/{}", id.as_str().unwrap());
        for (method, key) in [("GET", beta), ("DELETE", beta), ("GET", ("apikey", &suite.api_key))]
        {
            let answer = call(&suite, (method, &path), key, Value::Null).await;
            let expected = (404, "error:ConnectionServiceError:RecordIdNotFound");
            assert_eq!(refused(&answer), expected, "{method} {id}");
        }
    }
    // The entity goes to the other wallet, and sees what is there.
    let body = json!({ "walletId": other });
    let (status, _) = administer(&suite, ("PUT", &format!("{path}/walletId")), body).await;
    assert_eq!(status, 200);
    until(("apikey", KEY), &accepted["connectionId"], "ConnectionResponseReceived").await;
    let answer =
        administer(&suite, ("PUT", &format!("{path}/name")), json!({"name": "gamma"})).await;
    assert_eq!((answer.0, &answer.1["name"]), (200, &json!("gamma")));
    assert_eq!(administer(&suite, ("DELETE", &path), Value::Null).await.0, 200);
    until_refused(&suite, KEY).await;
    assert_eq!(administer(&suite, ("GET", &path), Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_opens_its_own_doors_alone() {
    let suite = Suite::start().await;
    let (wallet, entity) = onboard(&suite, "acme", KEY).await;
    let (theirs, other) = onboard(&suite, "beta", "another-key-that-was-chosen").await;
    let list = ("GET", "/connections");
    for (header, expected) in [
        (("apikey", KEY), 200),
        (("apikey", "a-key-that-nobody-chose-yet"), 401),
        (("apikey", "short"), 401),
        (("x-admin-api-key", suite.api_key.as_str()), 403),
        (("x-admin-api-key", KEY), 403),
        (("x-admin-api-key", "wrong"), 401),
        (("accept", "*/*"), 401),
    ] {
        let answer = call(&suite, list, header, Value::Null).await;
        assert_eq!(answer.0, expected, "{header:?}: {answer:?}");
    }
    let path = format!("/wallets/{}", wallet.as_str().unwrap());
    let (_, own) = call(&suite, ("GET", &path), ("apikey", KEY), Value::Null).await;
    assert_eq!((&own["id"], &own["name"]), (&wallet, &json!("acme")));
    let (_, page) = call(&suite, ("GET", "/wallets"), ("apikey", KEY), Value::Null).await;
    assert_eq!(page["contents"], json!([own]));
    let never = uuid::Uuid::new_v4().to_string();
    for foreign in [theirs.as_str().unwrap(), &never] {
        let foreign = format!("/wallets/{foreign}");
        let answer = call(&suite, ("GET", &foreign), ("apikey", KEY), Value::Null).await;
        assert_eq!(refused(&answer), (404, "error:WalletManagementServiceError:WalletNotFound"));
    }
    for path in
        [("GET", "/wallets"), ("POST", "/wallets"), ("GET", &path), ("GET", "/iam/entities")]
    {
        for header in ["apikey", "x-admin-api-key"] {
            // Its own wallet it sees.
            if header == "apikey" && path.0 == "GET" && path.1 != "/iam/entities" {
                continue;
            }
            let answer = call(&suite, path, (header, KEY), Value::Null).await;
            let expected = (403, "error:AuthenticationError:InvalidRole");
            assert_eq!(refused(&answer), expected, "{header} {path:?}");
        }
    }
    let keys = "/iam/apikey-authentication";
    let registration = |entity: &Value, key: &str| json!({ "entityId": entity, "apiKey": key });
    // The same again changes nothing; another's key is not given out.
    made(&suite, keys, registration(&entity, KEY)).await;
    let taken = administer(&suite, ("POST", keys), registration(&other, KEY)).await;
    assert_eq!(refused(&taken), (409, "error:AuthenticationError:AuthenticationCompromised"));
    for wrong in ["short", " has-spaces-around-it ", "ent_looks_like_one_of_ours", &"x".repeat(129)]
    {
        let answer = administer(&suite, ("POST", keys), registration(&entity, wrong)).await;
        assert_eq!(answer.0, 400, "{wrong:?}: {answer:?}");
    }
    let answer = administer(&suite, ("DELETE", keys), registration(&other, KEY)).await;
    assert_eq!(refused(&answer), (404, "error:AuthenticationError:AuthenticationNotFound"));
    let answer = administer(&suite, ("DELETE", keys), registration(&entity, KEY)).await;
    assert_eq!(answer.0, 200);
    until_refused(&suite, KEY).await;
    // A key that was refused a moment ago works as soon as it is chosen.
    made(&suite, keys, registration(&other, KEY)).await;
    assert_eq!(call(&suite, list, ("apikey", KEY), Value::Null).await.0, 200);
}

/// The access service asks again who calls: the gateway's own credential keeps no tenants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_in_processes_apart() {
    let suite = Suite::in_five().await;
    onboard(&suite, "acme", KEY).await;
    let (_, token) = crate::acapy::wallet(&suite, json!({"label": "Alice"})).await;
    for key in [KEY, &token] {
        let answer = call(&suite, ("GET", "/connections"), ("apikey", key), Value::Null).await;
        assert_eq!(answer.0, 200, "{answer:?}");
        let answer = call(&suite, ("GET", "/wallets"), ("apikey", key), Value::Null).await;
        assert_eq!((answer.0, answer.1["contents"].as_array().unwrap().len()), (200, 1));
    }
    let gateway = entente_rpc::auth::service_key(&suite.api_key, "gateway");
    for path in ["/cloud-agent/wallets", "/multitenancy/wallets"] {
        let answer = send(&suite, ("GET", path), &[("x-api-key", &gateway)], Value::Null).await;
        assert!(matches!(answer.0, 401 | 403), "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_wallets_and_entities_are_refused() {
    let suite = Suite::start().await;
    let id = made(&suite, "/wallets", json!({"name": "acme"})).await["id"].clone();
    let never = uuid::Uuid::new_v4().to_string();
    for (path, body, status, kind) in [
        ("/wallets", json!({}), 400, "RequestBodyDecodingFailure"),
        ("/wallets", json!({"name": ""}), 400, "ConnectionServiceError:UserInputValidationError"),
        ("/wallets", json!({"name": "x", "id": "7"}), 400, "RequestBodyDecodingFailure"),
        (
            "/wallets",
            json!({"name": "x", "id": id}),
            400,
            "WalletManagementServiceError:DuplicatedWalletId",
        ),
        (
            "/wallets",
            json!({"name": "x", "seed": "00"}),
            400,
            "ConnectionServiceError:UserInputValidationError",
        ),
        (
            "/iam/entities",
            json!({"name": "x", "walletId": never}),
            404,
            "WalletManagementServiceError:WalletNotFound",
        ),
        (
            "/iam/apikey-authentication",
            json!({"entityId": never, "apiKey": KEY}),
            404,
            "EntityServiceError:EntityNotFound",
        ),
    ] {
        let answer = administer(&suite, ("POST", path), body.clone()).await;
        assert_eq!(refused(&answer), (status, format!("error:{kind}").as_str()), "{path} {body}");
    }
}

/// What is stored tells nobody which key was chosen, who has not the keystore's key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_database_does_not_tell_a_chosen_key() {
    let mut suite = Suite::start().await;
    onboard(&suite, "acme", KEY).await;
    let digest = entente_rpc::auth::digest(KEY);
    suite.restart().await;
    assert_eq!(call(&suite, ("GET", "/connections"), ("apikey", KEY), Value::Null).await.0, 200);
    suite.terminate().await;
    let mut files = 0;
    for file in std::fs::read_dir(suite.data_dir()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!has(KEY.as_bytes()) && !has(&digest), "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 2, "{files}");
}
