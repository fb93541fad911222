//! `entente serve`: the services of one process, from start to an orderly end.

mod core_dumps;
mod data_dir;
mod error;
mod listeners;
mod metrics;
mod readiness;
mod services;
mod suite;
mod traces;

use std::future::Future;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::output::print_line;

pub use core_dumps::forbid as forbid_core_dumps;
pub use data_dir::API_KEY_FILE;
pub use error::ServeError;
pub use suite::Suite;

/// Runs the services until SIGTERM or SIGINT. On SIGTERM it first says that it is not ready, and serves on for
/// `--drain-delay`, so that balancers lead calls elsewhere before it takes none. At SIGHUP the TLS files are read again.
///
/// When all is up, one line of JSON on standard output says so, with the addresses as bound:
/// `{"ready":true,"didcomm":"http://…","admin":"http://…","grpc":"http://…","metrics":"http://…",
/// "endpoint":"http://…"}`; null for what does not run here.
///
/// It also ends when `over` is done.
///
/// # Errors
/// When a service cannot start, or a listener fails.
pub async fn run(config: Config, over: impl Future<Output = ()>) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    let tracing = traces::start(&config)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(ServeError::Signal)?;
    let mut suite = Suite::start(config).await?;
    if let Some(key) = suite.new_api_key() {
        eprintln!("The API key of this agent, shown once and kept in its data directory:\n  {key}");
    }
    let addresses = suite.addresses();
    let (didcomm, admin, grpc) =
        (addresses.didcomm_url(), addresses.admin_url(), addresses.grpc_url());
    let metrics = addresses.metrics.map(|address| format!("http://{address}"));
    let endpoint = Some(suite.endpoint()).filter(|endpoint| !endpoint.is_empty());
    tracing::info!(didcomm, admin, grpc, metrics, endpoint, "ready");
    let line = json!({"ready": true, "didcomm": didcomm, "admin": admin, "grpc": grpc, "metrics": metrics, "endpoint": endpoint});
    print_line(&line.to_string());
    let mut over = std::pin::pin!(over);
    let result = loop {
        tokio::select! {
            _ = terminate.recv() => {
                tracing::info!("not ready any more, and stopping soon");
                // Who is in a hurry says so again.
                tokio::select! {
                    () = suite.drain() => {}
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                break Ok(());
            }
            // A person at a terminal, and no balancer that has to be told.
            _ = interrupt.recv() => break Ok(()),
            () = &mut over => break Ok(()),
            _ = hang_up.recv() => suite.reload(),
            error = suite.failed() => break Err(error),
        }
    };
    tracing::info!("stopping");
    suite.stop().await;
    if let Some(tracing) = tracing {
        tracing.shutdown().await;
    }
    tracing::info!("stopped");
    result
}

/// Done once nothing comes from standard input any more.
pub async fn stdin_closed() {
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}
