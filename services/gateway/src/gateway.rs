use std::future::Future;
use std::sync::{Arc, OnceLock};

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::clients::{Clients, Links};
use crate::listener::{self, ServeError};
use crate::metrics::Metrics;
use crate::{Config, admin, didcomm};

/// The gateway: it serves on the listeners that it is given. Clones are one gateway.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) metrics: Metrics,
    pub(crate) registry: OnceLock<Arc<Registry>>,
    pub(crate) in_flight: Semaphore,
    pub(crate) didcomm_sockets: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// Done once the gateway stops.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stopped| *stopped).await;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is not a URL.
    #[error("the endpoint {endpoint:?} is not an http or https URL")]
    Endpoint {
        /// As configured.
        endpoint: String,
    },
}

/// Starts the gateway. It answers nobody before it is given a listener.
///
/// # Errors
/// [`StartError`], when the configuration cannot be used.
pub async fn start(
    config: Config,
    links: Links,
    registry: &mut Registry,
) -> Result<Gateway, StartError> {
    let usable = |endpoint: &str| {
        url::Url::parse(endpoint)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss"))
    };
    if !usable(&config.endpoint) {
        return Err(StartError::Endpoint { endpoint: config.endpoint });
    }
    let shared = Arc::new(Shared {
        clients: Clients::new(links),
        metrics: Metrics::register(registry),
        registry: OnceLock::new(),
        in_flight: Semaphore::new(config.didcomm.max_in_flight),
        didcomm_sockets: Arc::new(Semaphore::new(config.didcomm.max_sockets)),
        stop: watch::Sender::new(false),
        config,
    });
    Ok(Gateway { shared })
}

impl Gateway {
    /// Serves peers until `shutdown` is done.
    ///
    /// # Errors
    /// [`ServeError`], when the listener fails.
    pub async fn serve_didcomm(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        listener::serve(listener, didcomm::router(self.shared.clone()), shutdown).await
    }

    /// Serves the owner until `shutdown` is done.
    ///
    /// # Errors
    /// [`ServeError`], when the listener fails.
    pub async fn serve_admin(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        listener::serve(listener, admin::router(self.shared.clone()), shutdown).await
    }

    /// Shows a registry at `/metrics` of the admin listener: the one given to [`start`], once all services have
    /// registered on it. The first one stays.
    pub fn expose_metrics(&self, registry: Arc<Registry>) {
        let _ = self.shared.registry.set(registry);
    }

    /// Closes the WebSockets and stops what runs in the background.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
    }
}
