//! `--metrics-addr`: metrics and probes of a process, whatever runs in it.

mod listener;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use entente_rpc::GrpcServer;
use entente_telemetry::metrics;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::readiness::{self, Phase};
use super::services::Services;

/// gRPC's health, for those who ask over a listener without TLS.
pub(super) fn probes(server: &GrpcServer) -> Router {
    Router::new().route_service("/grpc.health.v1.Health/{method}", server.probes())
}

/// Serves HTTP, and gRPC's health among it, until `stopped` is done. It answers to anyone: nothing in it is about anybody.
pub(super) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    services: Arc<Services>,
    probes: Router,
    phase: watch::Receiver<Phase>,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let text = move || async move {
        let content_type = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
        (content_type, metrics::encode(&registry).unwrap_or_default())
    };
    let ready = move || async move {
        if *phase.borrow() == Phase::Serving && readiness::are_ready(&services).await {
            "{\"ready\":true}".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "{\"ready\":false}").into_response()
        }
    };
    let router = Router::new()
        .route("/metrics", get(text))
        .route("/status/live", get(async || "{\"alive\":true}"))
        .route("/status/ready", get(ready))
        .merge(probes);
    listener::serve(listener, router, stopped).await;
}
