//! A resolver for a test.

use std::path::Path;

use axum::Router;
use entente_resolver::{Config, Service};
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::proto::resolver::v1::{ResolveRequest, ResolveResponse};
use entente_rpc::{Failure, caller};
use prometheus_client::registry::Registry;
use tempfile::TempDir;

/// A running resolver with its database.
pub struct Resolver {
    pub service: Service,
    pub registry: Registry,
    pub directory: TempDir,
}

/// The settings over a database in a directory.
pub fn config(directory: &Path) -> Config {
    Config::new(format!("sqlite:{}/resolver.db", directory.display()))
}

impl Resolver {
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = config(directory.path());
        change(&mut config);
        let mut registry = Registry::default();
        let service = entente_resolver::start(config, &mut registry).await.unwrap();
        Self { service, registry, directory }
    }

    pub async fn resolve(&self, did: &str) -> Result<ResolveResponse, Failure> {
        self.resolve_for("default", did, false).await
    }

    pub async fn resolve_for(
        &self,
        tenant: &str,
        did: &str,
        no_cache: bool,
    ) -> Result<ResolveResponse, Failure> {
        let mut client = ResolverServiceClient::new(self.service.link());
        let request = ResolveRequest { did: did.to_owned(), no_cache };
        let answer = client.resolve(caller::for_tenant(tenant, request).unwrap()).await;
        answer.map(entente_rpc::Response::into_inner).map_err(|status| Failure::of(&status))
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

/// Serves a router on a free port, and gives the port.
pub async fn serve(router: Router) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}
