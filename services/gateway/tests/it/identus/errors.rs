//! What is refused, and how it is told.

use serde_json::{Value, json};

use super::{NOBODY, get, refused};
use crate::agent::Agent;
use crate::support::{Door, KEY};

#[tokio::test]
async fn what_is_wrong_is_told_in_their_shape() {
    let alice = Agent::start("Alice", |_| {}).await;
    let unreadable = "RequestBodyDecodingFailure";
    let parsing = "ConnectionServiceError:InvitationParsingError";
    let oob = |message: &Value| {
        use base64::Engine as _;
        json!({"invitation": base64::engine::general_purpose::URL_SAFE.encode(message.to_string())})
    };
    let nothing = json!({"@type": "https://didcomm.org/out-of-band/1.1/invitation", "@id": "1",
        "services": ["did:peer:2.x"]});
    for (method, path, body, status, kind) in [
        ("GET", "/connections/7", Value::Null, 400, unreadable),
        ("GET", "/connections?limit=0", Value::Null, 400, unreadable),
        ("POST", "/connections", json!([]), 400, unreadable),
        ("POST", "/connections", Value::Null, 400, unreadable),
        (
            "POST",
            "/connections",
            json!({"label": "x".repeat(256)}),
            400,
            "ConnectionServiceError:UserInputValidationError",
        ),
        ("POST", "/connections", json!({"label": "x".repeat(2 << 20)}), 413, unreadable),
        ("POST", "/connection-invitations", json!({}), 400, unreadable),
        ("POST", "/connection-invitations", json!({"invitation": "not base64!"}), 400, parsing),
        ("POST", "/connection-invitations", json!({"invitation": "bm90IGpzb24"}), 400, parsing),
        ("POST", "/connection-invitations", oob(&json!({})), 400, parsing),
        ("POST", "/connection-invitations", oob(&nothing), 400, parsing),
        (
            "GET",
            &format!("/connections/{NOBODY}"),
            Value::Null,
            404,
            "ConnectionServiceError:RecordIdNotFound",
        ),
        (
            "DELETE",
            &format!("/events/webhooks/{NOBODY}"),
            Value::Null,
            404,
            "WalletManagementServiceError:WebhookNotFound",
        ),
        ("GET", "/issue-credentials/records", Value::Null, 404, "ResourcePathNotFound"),
        ("GET", "", Value::Null, 404, "ResourcePathNotFound"),
        ("PUT", "/connections", Value::Null, 405, "MethodNotAllowed"),
    ] {
        let detail = refused(&alice, method, path, body, status, kind).await;
        assert!(!detail.is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn calls_need_a_key_and_probes_none() {
    let door = Door::open(|_| {}).await;
    let call = async |path: &str, header: Option<(&str, String)>| {
        let mut request = door.http.get(door.admin_url(&format!("/cloud-agent{path}")));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    for path in ["/connections", "/events/webhooks", "/_system/metrics", "/nothing"] {
        let (status, text) = call(path, None).await;
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 401, "{path}");
        assert_eq!(error["type"], "error:AuthenticationError:ApiKeyAuthenticationError");
    }
    let keys = [
        ("apikey", KEY.to_owned()),
        ("x-api-key", KEY.to_owned()),
        ("authorization", format!("Bearer {KEY}")),
    ];
    for key in keys {
        assert_eq!(
            call("/_system/metrics", Some(key)).await,
            (200, "entente_gateway_test 1\n".to_owned())
        );
    }
    let (status, text) = call("/connections", Some(("apikey", KEY.to_owned()))).await;
    assert_eq!(status, 503, "the connection service is away: {text}");
    assert!(text.contains("error:ServiceUnavailable"), "{text}");
    assert_eq!(call("/_system/health", None).await.0, 503);
    let alice = Agent::start("Alice", |_| {}).await;
    assert_eq!(get(&alice, "/_system/health").await, json!({"version": env!("CARGO_PKG_VERSION")}));
}
