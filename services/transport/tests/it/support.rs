//! A transport for a test, and servers for it to talk to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use entente_resolver::Config as ResolverConfig;
use entente_rpc::proto::transport::v1::transport_service_client::TransportServiceClient;
use entente_rpc::proto::transport::v1::{DeliverRequest, DeliverResponse, FetchInvitationRequest};
use entente_rpc::{Failure, Response, caller};
use entente_transport::{Config, Service};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub const ENVELOPE: &[u8] = br#"{"protected":"e30","iv":"","ciphertext":"","tag":""}"#;

/// A running transport.
pub struct Transport {
    pub service: Service,
    registry: Registry,
    _directory: TempDir,
}

/// Settings for servers on loopback, with short times.
pub fn local() -> Config {
    Config {
        allow_private_endpoints: true,
        timeout: Duration::from_millis(800),
        fetch_timeout: Duration::from_millis(800),
        ..Config::default()
    }
}

impl Transport {
    pub async fn start(config: Config) -> Self {
        let directory = TempDir::new().unwrap();
        let mut registry = Registry::default();
        let url = format!("sqlite:{}/resolver.db", directory.path().display());
        let resolver =
            entente_resolver::start(ResolverConfig::new(url), &mut registry).await.unwrap();
        let service =
            entente_transport::start(config, resolver.link(), &mut registry).await.unwrap();
        Self { service, registry, _directory: directory }
    }

    pub async fn deliver(&self, endpoint: &str) -> Result<DeliverResponse, Failure> {
        self.send(to(endpoint), None).await
    }

    pub async fn send(
        &self,
        request: DeliverRequest,
        deadline: Option<Duration>,
    ) -> Result<DeliverResponse, Failure> {
        let mut client = TransportServiceClient::new(self.service.link());
        let mut request = caller::for_tenant("default", request).unwrap();
        if let Some(deadline) = deadline {
            request.set_timeout(deadline);
        }
        let answer = client.deliver(request).await;
        answer.map(Response::into_inner).map_err(|status| Failure::of(&status))
    }

    pub async fn fetch(&self, url: &str) -> Result<String, Failure> {
        let mut client = TransportServiceClient::new(self.service.link());
        let request = FetchInvitationRequest { url: url.to_owned() };
        let answer = client.fetch_invitation(caller::for_tenant("default", request).unwrap()).await;
        answer.map(|answer| answer.into_inner().invitation).map_err(|status| Failure::of(&status))
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

/// A delivery without mediators.
pub fn to(endpoint: &str) -> DeliverRequest {
    DeliverRequest {
        envelope: ENVELOPE.to_vec().into(),
        endpoint: endpoint.to_owned(),
        ..DeliverRequest::default()
    }
}

/// Serves a router on a free port, and gives its URL without a slash at the end.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What an inbox got.
pub type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// An agent that keeps what is posted to `/` and answers 202.
pub async fn inbox() -> (String, Received) {
    let received = Received::default();
    let kept = received.clone();
    let take = move |headers: HeaderMap, body: Bytes| async move {
        kept.lock().unwrap().push((headers, body));
        axum::http::StatusCode::ACCEPTED
    };
    (serve(Router::new().route("/", post(take))).await, received)
}

/// A URL where nobody listens.
pub async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
