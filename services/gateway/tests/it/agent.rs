//! A whole agent, spoken to as ACA-Py's controllers do.

use std::time::Duration;

use entente_gateway::{Config, Gateway, Links};
use entente_rpc::Link;
use entente_rpc::auth::Callers;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{KEY, bind, http};

/// The services of one agent, with a gateway that can be restarted.
pub struct Agent {
    pub admin: String,
    pub http: reqwest::Client,
    pub connection: entente_connection::Service,
    pub keystore: entente_keystore::Service,
    resolver: entente_resolver::Service,
    transport: entente_transport::Service,
    pub gateway: Gateway,
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
        let file = format!("sqlite:{}", directory.path().join("connection.db").display());
        let mut connection = entente_connection::Config::new(file, &endpoint);
        connection.label = label.to_owned();
        let connection = entente_connection::start(connection, links, &mut registry).await.unwrap();
        let mut config = Config::new(&endpoint, label, Callers::admin(KEY));
        change(&mut config);
        let links = Links {
            keystore: keystore.link(),
            resolver: resolver.link(),
            connection: connection.link(),
            transport: transport.link(),
            access: None,
        };
        let gateway = entente_gateway::start(config.clone(), links, &mut registry).await.unwrap();
        let admin_url = format!("http://{}", admin.local_addr().unwrap());
        serve(&gateway, didcomm, admin);
        Self {
            admin: admin_url,
            http: http(),
            connection,
            keystore,
            resolver,
            transport,
            gateway,
            config,
            _directory: directory,
        }
    }

    /// Another gateway over the same services; it does not listen.
    pub async fn restart_gateway(&mut self) {
        self.gateway.shutdown().await;
        let links = Links {
            keystore: self.keystore.link(),
            resolver: self.resolver.link(),
            connection: self.connection.link(),
            transport: self.transport.link(),
            access: None,
        };
        self.gateway = entente_gateway::start(self.config.clone(), links, &mut Registry::default())
            .await
            .unwrap();
    }

    /// Another gateway over the same services, which are reached by other links: its admin address.
    pub async fn gateway_over(&self, change: impl FnOnce(&mut Links)) -> String {
        let mut links = Links {
            keystore: self.keystore.link(),
            resolver: self.resolver.link(),
            connection: self.connection.link(),
            transport: self.transport.link(),
            access: None,
        };
        change(&mut links);
        let gateway = entente_gateway::start(self.config.clone(), links, &mut Registry::default())
            .await
            .unwrap();
        let (didcomm, admin) = (bind().await, bind().await);
        let url = format!("http://{}", admin.local_addr().unwrap());
        serve(&gateway, didcomm, admin);
        url
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, String) {
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

    pub fn events(&self) -> EventServiceClient<Link> {
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
