use std::future::Future;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use entente_net::{AddressPolicy, ClientError, ClientSettings};
use entente_rpc::auth::{Behalf, Peer};
use entente_rpc::{DEFAULT_TENANT, Request, Status};
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::clients::{Clients, Links};
use crate::didcomm::{self, Alarm, Flood};
use crate::listener::{self, HttpListener, SHARE, ServeError, Shares};
use crate::metrics::Metrics;
use crate::webhook::{self, Target, TargetError};
use crate::{Config, admin};

/// The role that it calls the other services by.
const NAME: &str = "gateway";

/// The gateway: it serves on the listeners that it is given. Clones are one gateway.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    webhooks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// The gateway as it works for somebody: what it asks of the services, it asks on their behalf.
#[derive(Clone)]
pub(crate) struct Shared {
    core: Arc<Core>,
    behalf: Behalf,
}

/// What all handlers share.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clients: Clients,
    pub(crate) metrics: Metrics,
    pub(crate) flood: Flood,
    /// For answers whose time is to tell nothing.
    pub(crate) alarm: Alarm,
    pub(crate) in_flight: Semaphore,
    /// A permit for each byte of a body in memory.
    pub(crate) buffered: Semaphore,
    pub(crate) didcomm_sockets: Arc<Semaphore>,
    pub(crate) admin_sockets: Arc<Semaphore>,
    /// Whether no more is welcome, though it is taken.
    pub(crate) draining: AtomicBool,
    pub(crate) stop: watch::Sender<bool>,
    /// A webhook was registered or removed here.
    pub(crate) webhooks_changed: Notify,
}

impl Deref for Shared {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl Shared {
    /// The gateway as it works for itself, and for the default tenant.
    pub(crate) fn new(config: Config, links: Links, metrics: Metrics) -> Self {
        let core = Core {
            clients: Clients::new(links, &config.callers),
            metrics,
            flood: Flood::new(&config.didcomm),
            alarm: Alarm::start(),
            in_flight: Semaphore::new(config.didcomm.max_in_flight),
            buffered: Semaphore::new(config.didcomm.max_buffered.min(Semaphore::MAX_PERMITS)),
            didcomm_sockets: Arc::new(Semaphore::new(config.didcomm.max_sockets)),
            admin_sockets: Arc::new(Semaphore::new(config.max_admin_sockets)),
            draining: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            webhooks_changed: Notify::new(),
            config,
        };
        Self { core: Arc::new(core), behalf: Behalf::of_service(NAME, DEFAULT_TENANT) }
    }

    /// The gateway as it works for somebody else.
    pub(crate) fn on_behalf(&self, behalf: Behalf) -> Arc<Self> {
        Arc::new(Self { core: Arc::clone(&self.core), behalf })
    }

    /// The gateway as it works for itself, and for a tenant.
    pub(crate) fn for_tenant(&self, tenant: &str) -> Arc<Self> {
        self.on_behalf(Behalf::of_service(NAME, tenant))
    }

    /// Where a request comes from, if that says anything.
    pub(crate) fn address(&self, headers: &HeaderMap, peer: Option<&Peer>) -> Option<IpAddr> {
        self.config.callers.address(headers, peer?)
    }

    /// For whom it works.
    pub(crate) fn behalf(&self) -> &Behalf {
        &self.behalf
    }

    /// A call on behalf of whom it works for.
    #[allow(clippy::unnecessary_wraps, clippy::result_large_err, reason = "as the callers take it")]
    pub(crate) fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.behalf.clone());
        Ok(request)
    }
}

impl Core {
    /// Done once the gateway stops.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stopped| *stopped).await;
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether calls are welcome, as far as this process is concerned.
    pub(crate) fn is_open(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && !self.is_stopping()
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
    /// A webhook URL.
    #[error(transparent)]
    Webhook(#[from] TargetError),
    /// The HTTP client.
    #[error("the HTTP client for webhooks cannot be made")]
    Client(#[from] ClientError),
}

/// Starts the gateway and its webhooks. It answers nobody before it is given a listener. Metrics go to `registry`,
/// under `entente_gateway_`.
///
/// # Errors
/// [`StartError`], when the configuration cannot be used.
#[allow(clippy::unused_async, reason = "every service starts the same way")]
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
    let mut targets: Vec<Target> = Vec::new();
    for url in &config.webhooks.urls {
        let target = Target::parse(url)?;
        // A URL that was given twice is called once.
        if targets.iter().all(|known| known.consumer != target.consumer) {
            targets.push(target);
        }
    }
    // The owner who starts the process names these; whoever has an API key names the others.
    let client = webhook_client(AddressPolicy::Any)?;
    let registered = webhook_client(config.webhooks.policy())?;
    let shared = Arc::new(Shared::new(config, links, Metrics::register(registry)));
    let mut webhooks = webhook::spawn(&shared, targets.clone(), &client);
    let ways = webhook::Ways { registered, base: (targets, client) };
    webhooks.push(tokio::spawn(webhook::follow_registered(shared.clone(), ways)));
    Ok(Gateway { shared, webhooks: Arc::new(Mutex::new(webhooks)) })
}

pub(crate) fn webhook_client(policy: AddressPolicy) -> Result<reqwest::Client, ClientError> {
    entente_net::client(&ClientSettings {
        policy,
        connect_timeout: Duration::from_secs(3),
        user_agent: concat!("entente/", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

impl Gateway {
    /// Serves peers until `shutdown` is done.
    ///
    /// # Errors
    /// [`ServeError`], when the listener fails.
    pub async fn serve_didcomm(
        &self,
        listener: impl Into<HttpListener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let config = &self.shared.config;
        let shares = (config.didcomm.address_rate > 0).then(|| Shares::new(SHARE));
        let limits = (config.callers.clone(), shares);
        let router = didcomm::router(self.shared.clone());
        listener::serve(listener.into(), router, limits, shutdown).await
    }

    /// Serves the owner until `shutdown` is done. `metrics` gives what `/metrics` shows, in the OpenMetrics text format.
    ///
    /// # Errors
    /// [`ServeError`], when the listener fails.
    pub async fn serve_admin(
        &self,
        listener: impl Into<HttpListener>,
        metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let limits = (self.shared.config.callers.clone(), None);
        let router = admin::router(self.shared.clone(), metrics);
        listener::serve(listener.into(), router, limits, shutdown).await
    }

    /// Says at `/status/ready` that no more is welcome; what comes is served.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Closes the WebSockets, and stops the webhooks once their cursors are stored.
    pub async fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let webhooks =
            std::mem::take(&mut *self.webhooks.lock().unwrap_or_else(PoisonError::into_inner));
        for webhook in webhooks {
            let _ = webhook.await;
        }
    }
}
