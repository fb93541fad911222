//! The dialect of the Identus Cloud Agent, over real services.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use entente_rpc::DEFAULT_TENANT;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DidMethod, Invitation, InvitationKind,
};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::support::{Door, KEY, bind};

const NOBODY: &str = "1893e207-4cba-4792-8179-067c78d2acc2";

/// An invitation as the service makes it, whatever its format.
async fn invite(agent: &Agent, kind: InvitationKind) -> Invitation {
    let request = CreateInvitationRequest {
        kind: kind.into(),
        alias: "Connect with Bob".to_owned(),
        goal: "talk".to_owned(),
        ..CreateInvitationRequest::default()
    };
    made(agent, request).await
}

async fn made(agent: &Agent, request: CreateInvitationRequest) -> Invitation {
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    let mut invitations = InvitationServiceClient::new(agent.connection.link());
    invitations.create_invitation(request).await.unwrap().into_inner().invitation.unwrap()
}

async fn get(agent: &Agent, path: &str) -> Value {
    agent.json("GET", &format!("/cloud-agent{path}"), Value::Null).await
}

/// The value of the parameter alone, as the documentation has callers give it.
fn raw(url: &str) -> Value {
    json!({"invitation": url.split_once("oob=").unwrap().1})
}

async fn receive(agent: &Agent, url: &str) -> Value {
    agent.json("POST", "/cloud-agent/connection-invitations", raw(url)).await
}

/// The answer to a call that must fail, with the status and the shape of every error.
async fn refused(
    agent: &Agent,
    method: &str,
    path: &str,
    body: Value,
    status: u16,
    kind: &str,
) -> String {
    let (found, text) = agent.call(method, &format!("/cloud-agent{path}"), body).await;
    let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
    assert_eq!(
        (found, &error["type"]),
        (status, &json!(format!("error:{kind}"))),
        "{path}: {text}"
    );
    assert_eq!(error["status"], status);
    assert!(error["instance"].as_str().unwrap().starts_with("error:instance:"), "{text}");
    assert!(!error["title"].as_str().unwrap().is_empty());
    error["detail"].as_str().unwrap().to_owned()
}

async fn until(agent: &Agent, id: &str, state: &str) -> Value {
    let mut record = Value::Null;
    for _ in 0..400 {
        record = get(agent, &format!("/connections/{id}")).await;
        if record["state"] == state {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not {state}: {record}");
}

#[tokio::test]
async fn a_connection_goes_through_its_states() {
    let (alice, bob) = (Agent::start("Alice", |_| {}).await, Agent::start("Bob", |_| {}).await);
    let invitation = invite(&alice, InvitationKind::SingleUse).await;
    let waiting = get(&alice, &format!("/connections/{}", invitation.exchange_id)).await;
    assert_eq!(
        waiting,
        json!({
            "connectionId": invitation.exchange_id, "thid": invitation.id, "label": "Connect with Bob",
            "goal": "talk", "role": "Inviter", "state": "InvitationGenerated",
            "invitation": {"id": invitation.id, "type": "https://didcomm.org/out-of-band/1.1/invitation",
                "from": invitation.did, "invitationUrl": invitation.url},
            "createdAt": waiting["createdAt"], "metaRetries": 5, "self": invitation.exchange_id,
            "kind": "Connection",
        })
    );
    assert_eq!(waiting, get(&alice, &format!("/connections/{}", invitation.id)).await);

    let accepted = receive(&bob, &invitation.url).await;
    assert_eq!(
        (&accepted["state"], &accepted["role"]),
        (&json!("ConnectionRequestPending"), &json!("Invitee"))
    );
    assert_eq!(
        (&accepted["thid"], &accepted["theirDid"]),
        (&json!(invitation.id), &json!(invitation.did))
    );
    assert_eq!(accepted["invitation"]["from"], json!(invitation.did));
    let id = accepted["connectionId"].as_str().unwrap();
    assert_ne!(id, invitation.id);

    let theirs = until(&bob, id, "ConnectionResponseReceived").await;
    let ours = until(&alice, &invitation.exchange_id, "ConnectionResponseSent").await;
    assert_eq!((&ours["myDid"], &ours["theirDid"]), (&theirs["theirDid"], &theirs["myDid"]));
    assert!(ours["updatedAt"].as_str().unwrap() > ours["createdAt"].as_str().unwrap());

    // The same in the other dialect, and in the list.
    let other = bob.active("").await;
    assert_eq!(other["connection_id"], theirs["connectionId"]);
    for (agent, record) in [(&alice, &ours), (&bob, &theirs)] {
        let page = get(agent, &format!("/connections?thid={}", invitation.id)).await;
        assert_eq!(page["contents"][0]["connectionId"], record["connectionId"]);
        assert_eq!(page["contents"][0]["state"], record["state"]);
        assert_eq!(page["contents"][0]["invitation"], record["invitation"]);
    }

    let parse = "ConnectionServiceError:InvitationAlreadyReceived";
    let again =
        refused(&bob, "POST", "/connection-invitations", raw(&invitation.url), 400, parse).await;
    assert!(again.contains(&invitation.id) && again.contains(id), "{again}");

    // Another invitation with the same DID brings no second connection.
    let second = invite(&alice, InvitationKind::SingleUse).await;
    let reused = receive(&bob, &second.url).await;
    assert_eq!(reused["connectionId"], theirs["connectionId"]);
    assert_eq!(get(&bob, "/connections").await["contents"].as_array().unwrap().len(), 1);

    let path = format!("/cloud-agent/connections/{id}");
    assert_eq!(bob.call("DELETE", &path, Value::Null).await, (204, String::new()));
    let gone = "ConnectionServiceError:RecordIdNotFound";
    refused(&bob, "GET", &format!("/connections/{id}"), Value::Null, 404, gone).await;
    refused(&bob, "DELETE", &format!("/connections/{id}"), Value::Null, 404, gone).await;
}

#[tokio::test]
async fn an_invitation_that_is_deleted_is_dead() {
    let (alice, bob) = (Agent::start("Alice", |_| {}).await, Agent::start("Bob", |_| {}).await);
    let single = invite(&alice, InvitationKind::SingleUse).await;
    let many = invite(&alice, InvitationKind::MultiUse).await;
    let record = get(&alice, &format!("/connections/{}", many.id)).await;
    assert_eq!(
        (&record["state"], &record["self"]),
        (&json!("InvitationGenerated"), &json!(many.id))
    );
    // Each connection that it makes has an id of its own.
    let accepted = receive(&bob, &many.url).await;
    until(&bob, accepted["connectionId"].as_str().unwrap(), "ConnectionResponseReceived").await;
    let made = get(&alice, &format!("/connections?thid={}", many.id)).await;
    assert_eq!(made["contents"].as_array().unwrap().len(), 1);
    assert_ne!(made["contents"][0]["connectionId"], json!(many.id));

    for id in [&single.exchange_id, &many.id] {
        let path = format!("/cloud-agent/connections/{id}");
        assert_eq!(alice.call("DELETE", &path, Value::Null).await.0, 204);
        let gone = "ConnectionServiceError:RecordIdNotFound";
        refused(&alice, "GET", &format!("/connections/{id}"), Value::Null, 404, gone).await;
    }
    // What the multi-use one made stays.
    let left = get(&alice, "/connections").await;
    assert_eq!(left["contents"].as_array().unwrap().len(), 1);
    assert_eq!(left["contents"][0]["state"], "ConnectionResponseSent");
}

#[tokio::test]
async fn a_request_that_is_not_taken_is_pending() {
    let bob = Agent::start("Bob", |_| {}).await;
    let request = CreateInvitationRequest {
        did_method: DidMethod::InlineKey.into(),
        ..CreateInvitationRequest::default()
    };
    let invitation = made(&bob, request).await;
    let nowhere = invitation.message_json.replace(&bob.config.endpoint, "http://127.0.0.1:1");
    let accepted = bob
        .json("POST", "/cloud-agent/connection-invitations", json!({"invitation": nowhere}))
        .await;
    let id = accepted["connectionId"].as_str().unwrap();
    let mut record = Value::Null;
    for _ in 0..200 {
        let page = get(&bob, "/connections?offset=1").await;
        record = page["contents"][0].clone();
        if record.get("metaLastFailure").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (&record["connectionId"], &record["state"]),
        (&json!(id), &json!("ConnectionRequestPending"))
    );
    assert!(record["metaRetries"].as_i64().unwrap() < 5, "{record}");
    assert_eq!(
        record["metaLastFailure"]["type"],
        "error:ConnectionServiceError:MessageNotDelivered"
    );
    // The list and the record say the same.
    assert_eq!(record, get(&bob, &format!("/connections/{id}")).await);
    let path = format!("/cloud-agent/connections/{id}");
    assert_eq!(bob.call("DELETE", &path, Value::Null).await.0, 204);
    // What it was accepted for is gone, so that it may be accepted again.
    let again = bob
        .json("POST", "/cloud-agent/connection-invitations", json!({"invitation": nowhere}))
        .await;
    assert_ne!(again["connectionId"], json!(id));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let alice = Agent::start("Alice", |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(json!(invite(&alice, InvitationKind::SingleUse).await.exchange_id));
    }
    let (mut found, mut path) = (Vec::new(), "/connections?offset=0&limit=2".to_owned());
    let mut pages = Vec::new();
    loop {
        let page = get(&alice, &path).await;
        assert_eq!(page["self"], format!("/cloud-agent{path}"));
        assert_eq!(
            (&page["kind"], &page["pageOf"]),
            (&json!("ConnectionsPage"), &json!("/cloud-agent/connections"))
        );
        for record in page["contents"].as_array().unwrap() {
            assert!(!record["invitation"]["invitationUrl"].as_str().unwrap().is_empty());
            found.push(record["connectionId"].clone());
        }
        let next =
            page["next"].as_str().map(|next| next.trim_start_matches("/cloud-agent").to_owned());
        pages.push(page);
        match next {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((found, pages.len()), (ids, 3));
    let previous = pages[2]["previous"].as_str().unwrap().trim_start_matches("/cloud-agent");
    assert_eq!(get(&alice, previous).await["contents"], pages[1]["contents"]);
    assert_eq!(pages[0].get("previous"), None);
    let none = get(&alice, &format!("/connections?thid={NOBODY}")).await;
    assert_eq!(none["contents"], json!([]));
}

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
