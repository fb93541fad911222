//! The calls of the Identus Cloud Agent's documentation on connections, as they stand there, against two agents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use entente_tests::Suite;
use entente_tests::suite::eventually;
use serde_json::{Value, json};

/// A call with the key in `apikey`: the status, and the body if there is one.
async fn call(suite: &Suite, method: &str, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/cloud-agent{path}", suite.admin_url);
    let mut request =
        suite.http.request(method.parse().unwrap(), url).header("apikey", &suite.api_key);
    if !body.is_null() {
        request = request.header("Content-Type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// The record, once it is in a state.
async fn until(suite: &Suite, id: &Value, state: &str) -> Value {
    let path = format!("/connections/{}", id.as_str().unwrap());
    eventually(state, async || {
        let (_, record) = call(suite, "GET", &path, Value::Null).await;
        (record["state"] == state).then_some(record)
    })
    .await
}

/// The value of `_oob` in an invitation's URL.
fn raw(record: &Value) -> Value {
    let url = record["invitation"]["invitationUrl"].as_str().unwrap();
    json!({"invitation": url.split_once("_oob=").expect("a URL with _oob").1})
}

async fn refused(suite: &Suite, method: &str, path: &str, body: Value) -> (u16, String) {
    let (status, error) = call(suite, method, path, body).await;
    assert_eq!(error["status"], status, "{error}");
    (status, error["type"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_calls_make_a_connection() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let body = json!({"label": "Connect with Alice"});
    let (status, made) = call(&inviter, "POST", "/connections", body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["state"], "InvitationGenerated");
    assert_eq!(made["label"], "Connect with Alice");
    assert_eq!(made["invitation"]["type"], "https://didcomm.org/out-of-band/2.0/invitation");
    assert!(made["invitation"]["from"].as_str().unwrap().starts_with("did:peer:2.E"), "{made}");
    assert_eq!(made["thid"], made["invitation"]["id"]);

    let (status, accepted) = call(&invitee, "POST", "/connection-invitations", raw(&made)).await;
    assert_eq!(status, 200, "{accepted}");
    assert_eq!(
        (&accepted["state"], &accepted["role"]),
        (&json!("ConnectionRequestPending"), &json!("Invitee"))
    );
    assert_eq!(accepted["theirDid"], made["invitation"]["from"]);
    assert_eq!(accepted["invitation"]["id"], made["invitation"]["id"]);

    let theirs = until(&invitee, &accepted["connectionId"], "ConnectionResponseReceived").await;
    let ours = until(&inviter, &made["connectionId"], "ConnectionResponseSent").await;
    assert_eq!((&ours["myDid"], &ours["theirDid"]), (&theirs["theirDid"], &theirs["myDid"]));
    assert_eq!(ours["myDid"], made["invitation"]["from"], "there is no rotation");

    let invitation = made["invitation"]["id"].as_str().unwrap();
    for (suite, record) in [(&invitee, &theirs), (&inviter, &ours)] {
        suite.settled_exchange_of(invitation).await;
        let record = until(suite, &record["connectionId"], record["state"].as_str().unwrap()).await;
        let (status, page) = call(suite, "GET", "/connections", Value::Null).await;
        assert_eq!((status, &page["kind"]), (200, &json!("ConnectionsPage")));
        assert_eq!(page["contents"], json!([record]));
        // The same connection, in the words of gRPC.
        let connections = suite.all_connections().await;
        assert_eq!(connections.len(), 1);
        assert_eq!(json!(connections[0].id), record["connectionId"]);
    }

    // Neither side takes it a second time.
    assert_eq!(
        refused(&invitee, "POST", "/connection-invitations", raw(&made)).await,
        (400, "error:ConnectionServiceError:InvitationAlreadyReceived".to_owned())
    );
    // Deleted here, and only here.
    let path = format!("/connections/{}", made["connectionId"].as_str().unwrap());
    assert_eq!(call(&inviter, "DELETE", &path, Value::Null).await, (204, Value::Null));
    assert_eq!(
        refused(&inviter, "GET", &path, Value::Null).await,
        (404, "error:ConnectionServiceError:RecordIdNotFound".to_owned())
    );
    until(&invitee, &accepted["connectionId"], "ConnectionResponseReceived").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_single_use_invitation_makes_a_connection_and_multi_use_ones_keep_their_did() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let connect = async |body: Value| {
        let (status, made) = call(&inviter, "POST", "/connections", body).await;
        assert_eq!(status, 201, "{made}");
        let (status, accepted) =
            call(&invitee, "POST", "/connection-invitations", raw(&made)).await;
        assert_eq!(status, 200, "{accepted}");
        let id = &accepted["connectionId"];
        until(&invitee, id, "ConnectionResponseReceived").await;
        (made, id.clone())
    };
    let (first, one) = connect(json!({})).await;
    let (second, other) =
        connect(json!({"goalCode": "issue-vc", "goal": "To issue a credential"})).await;
    assert_ne!(first["invitation"]["from"], second["invitation"]["from"]);
    assert_ne!(one, other);

    let (third, one) = connect(json!({"multiUse": true})).await;
    let (fourth, other) = connect(json!({"multiUse": true})).await;
    assert_eq!(third["invitation"]["from"], fourth["invitation"]["from"]);
    assert_eq!(one, other, "the connection is reused");
    let path = format!("/connections/{}", third["connectionId"].as_str().unwrap());
    let (_, record) = call(&inviter, "GET", &path, Value::Null).await;
    assert_eq!(
        (&record["state"], &record["thid"]),
        (&json!("InvitationGenerated"), &third["thid"])
    );
    eventually("the inviter has all three", async || {
        (inviter.all_connections().await.len() == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_received_invitation_shows_the_url_that_it_came_by() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let (_, made) = call(&inviter, "POST", "/connections", json!({})).await;
    // As another API takes it, from wherever its owner got it.
    let url =
        format!("https://somewhere.example/in?_oob={}", raw(&made)["invitation"].as_str().unwrap());
    let id = json!(invitee.accept(&url).await.exchange_id);
    let record = until(&invitee, &id, "ConnectionResponseReceived").await;
    assert_eq!(record["invitation"]["invitationUrl"], url);
    let (_, page) = call(&invitee, "GET", "/connections", Value::Null).await;
    assert_eq!(page["contents"][0]["invitation"]["invitationUrl"], url);

    // One that came without a URL has one on our endpoint.
    let (_, made) = call(&inviter, "POST", "/connections", json!({})).await;
    let (_, accepted) = call(&invitee, "POST", "/connection-invitations", raw(&made)).await;
    let record = until(&invitee, &accepted["connectionId"], "ConnectionResponseReceived").await;
    let shown = record["invitation"]["invitationUrl"].as_str().unwrap();
    assert!(shown.starts_with(&invitee.didcomm_url), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_says_so() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let body = json!({"expiresInSeconds": 1});
    let (_, made) = call(&inviter, "POST", "/connections", body).await;
    until(&inviter, &made["connectionId"], "InvitationExpired").await;
    assert_eq!(
        refused(&invitee, "POST", "/connection-invitations", raw(&made)).await,
        (400, "error:ConnectionServiceError:InvitationExpired".to_owned())
    );
    let unreadable = json!({"invitation": "{RAW_INVITATION}"});
    assert_eq!(
        refused(&invitee, "POST", "/connection-invitations", unreadable).await,
        (400, "error:ConnectionServiceError:InvitationParsingError".to_owned())
    );
    let body = json!({"goal": "x".repeat(256)});
    assert_eq!(
        refused(&inviter, "POST", "/connections", body).await,
        (400, "error:ConnectionServiceError:UserInputValidationError".to_owned())
    );
    // An invitation that is deleted is dead: whoever has it gets no connection.
    let (_, made) = call(&inviter, "POST", "/connections", json!({})).await;
    let path = format!("/connections/{}", made["connectionId"].as_str().unwrap());
    assert_eq!(call(&inviter, "DELETE", &path, Value::Null).await, (204, Value::Null));
    call(&invitee, "POST", "/connection-invitations", raw(&made)).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(
        inviter.all_connections().await.is_empty() && invitee.all_connections().await.is_empty()
    );
}
