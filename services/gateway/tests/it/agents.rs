//! Two whole agents, spoken to as ACA-Py's controllers do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use entente_gateway::{Config, Gateway, Links};
use entente_rpc::auth::ApiKeys;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::event::v1::{ListDeadLettersRequest, ReplayDeadLettersRequest};
use entente_rpc::{DEFAULT_TENANT, Link};
use futures_util::StreamExt as _;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{KEY, bind, http};

/// The services of one agent, with a gateway that can be restarted.
pub struct Agent {
    admin: String,
    pub http: reqwest::Client,
    pub connection: entente_connection::Service,
    pub keystore: entente_keystore::Service,
    _resolver: entente_resolver::Service,
    transport: entente_transport::Service,
    gateway: Gateway,
    pub config: Config,
    _directory: TempDir,
}

impl Agent {
    pub async fn start(label: &str, change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut registry = Registry::default();
        let (didcomm, admin) = (bind().await, bind().await);
        let endpoint = format!("http://{}", didcomm.local_addr().unwrap());
        let database = |name: &str| format!("sqlite:{}", directory.path().join(name).display());
        let resolver = entente_resolver::Config::new(database("resolver.db"));
        let resolver = entente_resolver::start(resolver, &mut registry).await.unwrap();
        let keystore = entente_keystore::Config::in_directory(directory.path());
        let keystore = entente_keystore::start(keystore, None).await.unwrap();
        let transport = entente_transport::Config {
            allow_private_endpoints: true,
            ..entente_transport::Config::default()
        };
        let transport =
            entente_transport::start(transport, resolver.link(), &mut registry).await.unwrap();
        let links = entente_connection::Links {
            keystore: keystore.link(),
            resolver: resolver.link(),
            transport: transport.link(),
        };
        let file =
            entente_connection::DatabaseLocation::File(directory.path().join("connection.db"));
        let mut connection = entente_connection::Config::new(file, &endpoint);
        connection.label = label.to_owned();
        let connection = entente_connection::start(connection, links, &mut registry).await.unwrap();
        let mut config = Config::new(&endpoint, label, ApiKeys::only([KEY]));
        change(&mut config);
        let links = Links {
            keystore: keystore.link(),
            connection: connection.link(),
            transport: transport.link(),
        };
        let gateway = entente_gateway::start(config.clone(), links, &mut registry).await.unwrap();
        let admin_url = format!("http://{}", admin.local_addr().unwrap());
        serve(&gateway, didcomm, admin);
        Self {
            admin: admin_url,
            http: http(),
            connection,
            keystore,
            _resolver: resolver,
            transport,
            gateway,
            config,
            _directory: directory,
        }
    }

    /// Another gateway over the same services; it does not listen.
    async fn restart_gateway(&mut self) {
        self.gateway.shutdown().await;
        let links = Links {
            keystore: self.keystore.link(),
            connection: self.connection.link(),
            transport: self.transport.link(),
        };
        self.gateway = entente_gateway::start(self.config.clone(), links, &mut Registry::default())
            .await
            .unwrap();
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let method = method.parse().unwrap();
        let mut request =
            self.http.request(method, format!("{}{path}", self.admin)).header("x-api-key", KEY);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub async fn json(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.call(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn invite(&self, query: &str) -> Value {
        let body = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
            "use_did_method": "did:peer:2", "goal": "talk", "alias": "guest", "metadata": {"campaign": 7}});
        self.json("POST", &format!("/out-of-band/create-invitation{query}"), body).await
    }

    pub async fn receive(&self, invitation: &Value) -> Value {
        self.json("POST", "/out-of-band/receive-invitation", invitation["invitation"].clone()).await
    }

    pub async fn active(&self, query: &str) -> Value {
        for _ in 0..200 {
            let found =
                self.json("GET", &format!("/connections?state=active{query}"), Value::Null).await;
            if let Some(record) = found["results"].as_array().unwrap().first() {
                return record.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no active connection: {}", self.json("GET", "/connections", Value::Null).await);
    }

    fn events(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.connection.link())
    }
}

fn serve(gateway: &Gateway, didcomm: TcpListener, admin: TcpListener) {
    let (outer, inner) = (gateway.clone(), gateway.clone());
    tokio::spawn(async move { outer.serve_didcomm(didcomm, std::future::pending()).await });
    tokio::spawn(
        async move { inner.serve_admin(admin, String::new, std::future::pending()).await },
    );
}

/// A controller: it keeps what it is told, and refuses what it is told to refuse.
#[derive(Clone, Default)]
struct Controller {
    told: Arc<Mutex<Vec<Told>>>,
    refuse: Arc<Mutex<Option<String>>>,
}

#[derive(Clone, Debug)]
struct Told {
    topic: String,
    payload: Value,
    sequence: i64,
    key: String,
}

impl Controller {
    async fn listen(&self) -> String {
        async fn tell(
            State(controller): State<Controller>,
            Path(topic): Path<String>,
            headers: HeaderMap,
            body: String,
        ) -> StatusCode {
            if controller.refuse.lock().unwrap().as_ref().is_some_and(|word| body.contains(word)) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
            controller.told.lock().unwrap().push(Told {
                topic,
                payload: serde_json::from_str(&body).unwrap(),
                sequence: header("x-entente-sequence").parse().unwrap(),
                key: header("x-api-key"),
            });
            StatusCode::OK
        }
        let listener = bind().await;
        let url = format!("http://{}/hooks#hook-key", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .route("/hooks/topic/{topic}/", axum::routing::post(tell))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn refuse(&self, word: Option<&str>) {
        *self.refuse.lock().unwrap() = word.map(str::to_owned);
    }

    fn of(&self, topic: &str) -> Vec<Told> {
        self.told.lock().unwrap().iter().filter(|told| told.topic == topic).cloned().collect()
    }

    async fn until(&self, topic: &str, matches: impl Fn(&Value) -> bool) -> Told {
        for _ in 0..200 {
            if let Some(told) = self.of(topic).into_iter().find(|told| matches(&told.payload)) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{topic} was not told: {:#?}", self.told.lock().unwrap());
    }
}

fn hooks(url: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.webhooks.urls = vec![url];
        config.webhooks.attempts = 3;
        config.webhooks.first_delay = Duration::from_millis(20);
        config.webhooks.replay_interval = Duration::from_millis(100);
    }
}

/// Lets a new consumer store its first cursor, from which it goes on.
async fn settled(agent: &Agent, url: &str) {
    let name = format!("webhook:{}", url.split('#').next().unwrap());
    for _ in 0..200 {
        let request = entente_rpc::proto::event::v1::GetConsumerRequest { name: name.clone() };
        if agent.events().get_consumer(for_tenant(DEFAULT_TENANT, request).unwrap()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the consumer was not made");
}

#[tokio::test]
async fn two_agents_connect_and_reuse_the_connection() {
    let (faber, guest) = (Controller::default(), Controller::default());
    let (faber_url, guest_url) = (faber.listen().await, guest.listen().await);
    let alice = Agent::start("Alice", hooks(faber_url.clone())).await;
    let bob = Agent::start("Bob", hooks(guest_url.clone())).await;
    settled(&alice, &faber_url).await;
    settled(&bob, &guest_url).await;

    let first = alice.invite("").await;
    assert_eq!(first["state"], "initial");
    assert_eq!(first["invitation"]["goal"], "talk", "ACA-Py drops it");
    let waiting = alice.json("GET", "/connections?state=invitation", Value::Null).await;
    assert_eq!(waiting["results"][0]["invitation_msg_id"], first["invi_msg_id"]);

    let received = bob.receive(&first).await;
    assert_eq!(received["role"], "receiver");
    assert_eq!(received["state"], "done");
    let (ours, theirs) = (alice.active("").await, bob.active("").await);
    assert_eq!(theirs["connection_id"], received["connection_id"]);
    assert_eq!(
        (&ours["rfc23_state"], &ours["their_role"]),
        (&json!("completed"), &json!("invitee"))
    );
    assert_eq!((&ours["their_label"], &theirs["their_label"]), (&json!("Bob"), &json!("Alice")));
    assert_eq!((&ours["my_did"], &ours["their_did"]), (&theirs["their_did"], &theirs["my_did"]));
    assert_eq!(ours["alias"], "guest");
    let id = ours["connection_id"].as_str().unwrap();
    assert_eq!(
        alice.json("GET", &format!("/connections/{id}"), Value::Null).await["state"],
        "active"
    );
    let path = format!("/connections/{id}/metadata");
    assert_eq!(alice.json("GET", &path, Value::Null).await, json!({"results": {"campaign": 7}}));
    let set = alice.json("POST", &path, json!({"metadata": {"vip": true}})).await;
    assert_eq!(set, json!({"results": {"campaign": 7, "vip": true}}));
    let endpoints = alice.json("GET", &format!("/connections/{id}/endpoints"), Value::Null).await;
    assert_eq!(endpoints["their_endpoint"], bob.config.endpoint);

    faber.until("connections", |record| record["state"] == "active").await;
    let states: Vec<_> =
        faber.of("connections").iter().map(|told| told.payload["rfc23_state"].clone()).collect();
    assert_eq!(states, ["invitation-sent", "request-received", "response-sent", "completed"]);
    assert!(faber.of("connections").iter().all(|told| told.key == "hook-key"));

    let second = alice.invite("").await;
    let received = bob.receive(&second).await;
    assert_eq!(
        (&received["state"], &received["connection_id"]),
        (&json!("reuse-accepted"), &theirs["connection_id"])
    );
    let reuse = faber.until("connection_reuse", |_| true).await.payload;
    assert_eq!(reuse["connection_id"], ours["connection_id"]);
    let accepted = guest.until("connection_reuse_accepted", |_| true).await.payload;
    assert_eq!(
        (&accepted["state"], &accepted["thread_id"]),
        (&json!("accepted"), &reuse["thread_id"])
    );
    assert_eq!(
        bob.json("GET", "/connections", Value::Null).await["results"].as_array().unwrap().len(),
        1
    );

    let body = json!({"content": "hello"});
    bob.json(
        "POST",
        &format!("/connections/{}/send-message", theirs["connection_id"].as_str().unwrap()),
        body,
    )
    .await;
    let message = faber.until("basicmessages", |_| true).await.payload;
    assert_eq!(
        (&message["content"], &message["connection_id"]),
        (&json!("hello"), &ours["connection_id"])
    );
    let ping =
        alice.json("POST", &format!("/connections/{id}/send-ping"), json!({"comment": "hi"})).await;
    let answer = faber.until("ping", |ping| ping["state"] == "response_received").await.payload;
    assert_eq!(answer["thread_id"], ping["thread_id"]);
    assert_eq!(guest.until("ping", |_| true).await.payload["comment"], "hi");

    assert_eq!(alice.json("DELETE", &format!("/connections/{id}"), Value::Null).await, json!({}));
    assert_eq!(alice.call("GET", &format!("/connections/{id}"), Value::Null).await.0, 404);
    faber.until("connections", |record| record["state"] == "deleted").await;
}

#[tokio::test]
async fn a_handshake_waits_for_its_owners() {
    let alice = Agent::start("Alice", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let invitation = alice.invite("?auto_accept=false").await;
    let body = invitation["invitation"].clone();
    let received =
        bob.json("POST", "/out-of-band/receive-invitation?auto_accept=false", body).await;
    let id = received["connection_id"].as_str().unwrap().to_owned();
    let record = bob.json("GET", &format!("/connections/{id}"), Value::Null).await;
    assert_eq!(
        (&record["rfc23_state"], &record["accept"]),
        (&json!("invitation-received"), &json!("manual"))
    );
    let (status, text) =
        bob.call("POST", &format!("/didexchange/{id}/accept-request"), Value::Null).await;
    assert_eq!(status, 400, "{text}");
    let (status, text) = bob.call("POST", &format!("/connections/{id}/send-ping"), json!({})).await;
    assert_eq!((status, text.contains("INVITATION")), (400, true), "{text}");
    bob.json("POST", &format!("/didexchange/{id}/accept-invitation?my_label=Robert"), Value::Null)
        .await;
    let mut request = Value::Null;
    for _ in 0..100 {
        let found = alice.json("GET", "/connections?state=request-received", Value::Null).await;
        request = found["results"][0].clone();
        if !request.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(request["their_label"], "Robert");
    let request = request["connection_id"].as_str().unwrap();
    alice.json("POST", &format!("/didexchange/{request}/accept-request"), Value::Null).await;
    assert_eq!(bob.active("").await["connection_id"].as_str().unwrap(), id);
    assert_eq!(
        alice.active("&connection_protocol=didexchange/1.1").await["connection_id"]
            .as_str()
            .unwrap(),
        request
    );
}

#[tokio::test]
async fn inline_keys_make_a_connection_each() {
    let alice = Agent::start("Alice", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let body = json!({"handshake_protocols": ["didexchange/1.1"], "alias": "crowd"});
    let path = "/out-of-band/create-invitation?multi_use=true";
    let invitation = alice.json("POST", path, body).await;
    assert!(invitation["invitation"]["services"][0]["recipientKeys"].is_array(), "{invitation}");
    let carol = Agent::start("Carol", |_| {}).await;
    for guest in [&bob, &carol] {
        assert_eq!(guest.receive(&invitation).await["state"], "done");
        let key = guest.active("").await["invitation_key"].as_str().unwrap().to_owned();
        assert!(!key.starts_with("z6Mk"), "base58, not multibase: {key}");
        let found =
            guest.json("GET", &format!("/connections?invitation_key={key}"), Value::Null).await;
        assert_eq!(found["results"].as_array().unwrap().len(), 1);
    }
    let id = invitation["invi_msg_id"].as_str().unwrap();
    for _ in 0..100 {
        let path = format!("/connections?invitation_msg_id={id}&state=completed");
        let found = alice.json("GET", &path, Value::Null).await;
        let records = found["results"].as_array().unwrap();
        if records.len() == 2 {
            assert!(records.iter().all(|record| record["alias"] == "crowd"), "{records:?}");
            assert!(records.iter().all(|record| record["invitation_mode"] == "multi"));
            let newest =
                alice.json("GET", "/connections?limit=1&descending=true", Value::Null).await;
            assert_eq!(newest["results"][0], records[1]);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("two connections were expected");
}

#[tokio::test]
async fn invitations_are_records_of_their_own() {
    let alice = Agent::start("Alice", |_| {}).await;
    assert_eq!(alice.json("GET", "/status/ready", Value::Null).await, json!({"ready": true}));
    let single = alice.invite("").await;
    let multi = alice.invite("?multi_use=true").await;
    let connections = alice.json("GET", "/connections", Value::Null).await;
    assert_eq!(
        connections["results"].as_array().unwrap().len(),
        1,
        "a multi-use invitation is no connection"
    );
    let records = alice.json("GET", "/out-of-band/records?role=sender", Value::Null).await;
    assert_eq!(records["results"].as_array().unwrap().len(), 2);
    let page = alice.json("GET", "/out-of-band/records?limit=1&offset=1", Value::Null).await;
    assert_eq!(page["results"][0]["oob_id"], multi["oob_id"]);
    let id = multi["invi_msg_id"].as_str().unwrap();
    let found =
        alice.json("GET", &format!("/out-of-band/records?invi_msg_id={id}"), Value::Null).await;
    assert_eq!(found["results"][0]["multi_use"], true);
    let waiting = connections["results"][0]["connection_id"].as_str().unwrap();
    let found = alice
        .json("GET", &format!("/out-of-band/records?connection_id={waiting}"), Value::Null)
        .await;
    assert_eq!(found["results"][0]["oob_id"], single["oob_id"]);
    let fetched =
        alice.json("GET", &format!("/out-of-band/invitations?oob_id={id}"), Value::Null).await;
    assert_eq!(
        (&fetched["state"], &fetched["invitation"]),
        (&json!("await-response"), &multi["invitation"])
    );
    let path = format!("/out-of-band/invitations/{id}");
    assert_eq!(alice.json("DELETE", &path, Value::Null).await, json!({}));
    assert_eq!(alice.call("DELETE", &path, Value::Null).await.0, 404);
    assert_eq!(
        alice.call("GET", &format!("/out-of-band/invitations?oob_id={id}"), Value::Null).await.0,
        404
    );
    let bad = json!({"@type": "https://didcomm.org/out-of-band/1.1/invitation", "@id": "12345678"});
    let (status, text) = alice.call("POST", "/out-of-band/receive-invitation", bad).await;
    assert_eq!(status, 422, "{text}");
}

#[tokio::test]
async fn webhooks_survive_restarts_and_refusals() {
    let controller = Controller::default();
    let url = controller.listen().await;
    let mut alice = Agent::start("Alice", hooks(url.clone())).await;
    settled(&alice, &url).await;
    alice.invite("").await;
    controller.until("connections", |_| true).await;
    controller.until("out_of_band", |_| true).await;

    // What happens while the gateway is away is told when it is back, and nothing is told twice after an orderly end.
    alice.gateway.shutdown().await;
    let before = controller.told.lock().unwrap().len();
    let (connection, invitation) = (alice.connection.link(), json!({"alias": "away"}));
    create_invitation(connection, invitation["alias"].as_str().unwrap()).await;
    alice.restart_gateway().await;
    controller.until("connections", |record| record["alias"] == "away").await;
    let mut sequences: Vec<_> =
        controller.told.lock().unwrap().iter().map(|told| told.sequence).collect();
    assert!(sequences.len() > before);
    sequences.sort_unstable();
    let mut unique = sequences.clone();
    unique.dedup();
    assert_eq!(sequences, unique);

    // A connection whose events are refused does not hold up the others; it is given up, and can be replayed.
    controller.refuse(Some("poison"));
    create_invitation(alice.connection.link(), "poison").await;
    create_invitation(alice.connection.link(), "healthy").await;
    controller.until("connections", |record| record["alias"] == "healthy").await;
    let consumer = format!("webhook:{}", url.split('#').next().unwrap());
    let mut letters = Vec::new();
    for _ in 0..200 {
        let request = ListDeadLettersRequest {
            consumer: consumer.clone(),
            ..ListDeadLettersRequest::default()
        };
        let request = for_tenant(DEFAULT_TENANT, request).unwrap();
        letters =
            alice.events().list_dead_letters(request).await.unwrap().into_inner().dead_letters;
        if !letters.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (letters[0].attempts, letters[0].error.as_str()),
        (3, "answered 503 Service Unavailable")
    );
    controller.refuse(None);
    let request = ReplayDeadLettersRequest { consumer: consumer.clone(), sequences: Vec::new() };
    alice.events().replay_dead_letters(for_tenant(DEFAULT_TENANT, request).unwrap()).await.unwrap();
    let told = controller.until("connections", |record| record["alias"] == "poison").await;
    assert!(letters.iter().any(|letter| letter.sequence == told.sequence));
    for _ in 0..200 {
        let request = ListDeadLettersRequest {
            consumer: consumer.clone(),
            ..ListDeadLettersRequest::default()
        };
        let request = for_tenant(DEFAULT_TENANT, request).unwrap();
        if alice
            .events()
            .list_dead_letters(request)
            .await
            .unwrap()
            .into_inner()
            .dead_letters
            .is_empty()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the dead letters stay");
}

async fn create_invitation(connection: Link, alias: &str) {
    use entente_rpc::proto::connection::v1::CreateInvitationRequest;
    use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
    let request =
        CreateInvitationRequest { alias: alias.to_owned(), ..CreateInvitationRequest::default() };
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    InvitationServiceClient::new(connection).create_invitation(request).await.unwrap();
}

#[tokio::test]
async fn the_admin_websocket_resumes() {
    let alice = Agent::start("Alice", |_| {}).await;
    alice.invite("").await;
    let connect = async |query: &str| {
        let url = format!("{}/ws{query}", alice.admin.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-api-key", KEY.parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        assert_eq!(next(&mut socket).await["topic"], "settings");
        socket
    };
    let mut fresh = connect("").await;
    let mut resumed = connect("?after=0").await;
    let first = next(&mut resumed).await;
    assert_eq!(first["sequence"], 1);
    let second = next(&mut resumed).await;
    assert_eq!(second["sequence"], 2);
    let topics = [&first["topic"], &second["topic"]];
    assert!(
        topics.contains(&&json!("connections")) && topics.contains(&&json!("out_of_band")),
        "{topics:?}"
    );
    alice.invite("").await;
    let frame = next(&mut fresh).await;
    assert!(frame["payload"].is_object() && frame.get("sequence").is_none(), "{frame}");
    let mut ahead = connect("?after=1000").await;
    let end =
        tokio::time::timeout(Duration::from_secs(5), ahead.next()).await.unwrap().unwrap().unwrap();
    assert!(end.is_close(), "{end:?}");
}

async fn next(
    socket: &mut (
             impl futures_util::Stream<
        Item = Result<
            tokio_tungstenite::tungstenite::Message,
            tokio_tungstenite::tungstenite::Error,
        >,
    > + Unpin
         ),
) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(5), socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}
