//! A running process of the suite.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::GrpcServer;
use entente_rpc::auth::{Callers, Issuers, Known, StaticCaller};
use entente_telemetry::metrics;
use entente_tls::Tls;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::listeners::{self, Addresses, Listeners};
use super::readiness::{self, Phase};
use super::services::{Context, Services};
use super::{ServeError, data_dir, metrics as own_metrics};
use crate::config::{Access, Config, ServiceName};
use crate::migrate;

/// What of the time for a stop is kept for the services, to put away what they hold.
const FLUSH: Duration = Duration::from_secs(4);

/// The services of one process with their listeners.
pub struct Suite {
    services: Arc<Services>,
    tls: Option<Tls>,
    /// What looks at files and issuers, and ends with this.
    _watching: JoinSet<()>,
    addresses: Addresses,
    endpoint: String,
    callers: Callers,
    api_key: Option<String>,
    key_is_new: bool,
    phase: watch::Sender<Phase>,
    drain_delay: Duration,
    shutdown_timeout: Duration,
    /// When a drain that has begun must be over.
    over_at: Option<Instant>,
    listening: JoinSet<Result<(), ServeError>>,
}

impl Suite {
    /// Binds the ports, starts the services, and serves.
    ///
    /// # Errors
    /// When the data directory, a port or a service cannot be used.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        if !config.migrate {
            let missing = migrate::missing(&config).await?;
            if !missing.is_empty() {
                return Err(ServeError::Behind(missing));
            }
        }
        let (api_key, key_is_new) = open_data(&config)?;
        let issuers = Issuers::new(config.issuers.clone())
            .map_err(|error| ServeError::Issuers(error.to_string()))?;
        let callers = callers(&config, api_key.as_deref(), issuers.clone());
        let tls = config.needs_tls().then(|| Tls::load(config.tls.files.clone())).transpose()?;
        let listeners = listeners::bind(&config, tls.as_ref()).await?;
        let addresses = listeners.addresses.clone();
        let endpoint = config.endpoint.clone().or(addresses.didcomm_url()).unwrap_or_default();
        let mut registry = metrics::registry(env!("CARGO_PKG_VERSION"));
        entente_rpc::metrics::register(registry.sub_registry_with_prefix("entente"));
        entente_telemetry::trace::register(registry.sub_registry_with_prefix("entente"));
        if let Some(tls) = &tls {
            tls.register(registry.sub_registry_with_prefix("entente"));
        }
        let context = Context {
            config: &config,
            tls: tls.as_ref(),
            endpoint: &endpoint,
            callers: &callers,
            api_key: api_key.as_deref(),
        };
        let services = Services::start(&context, &mut registry).await?;
        let mut watching = JoinSet::new();
        watching.spawn(issuers.follow());
        if let Some(tls) = &tls {
            watching.spawn(tls.clone().watch());
        }
        let mut suite = Self {
            tls,
            _watching: watching,
            services: Arc::new(services),
            addresses,
            endpoint,
            callers: callers.clone(),
            api_key,
            key_is_new,
            phase: watch::Sender::new(Phase::Serving),
            drain_delay: config.drain_delay,
            shutdown_timeout: config.shutdown_timeout,
            over_at: None,
            listening: JoinSet::new(),
        };
        suite.listen(listeners, Arc::new(registry))?;
        Ok(suite)
    }

    fn listen(&mut self, listeners: Listeners, registry: Arc<Registry>) -> Result<(), ServeError> {
        let mut server = GrpcServer::new()?;
        self.services.add_to(&mut server);
        let probes = own_metrics::probes(&server);
        let (callers, stopped, grace) =
            (self.callers.clone(), self.stopped(), self.shutdown_timeout);
        let services = Arc::clone(&self.services);
        let watching = readiness::watch(services, server.health(), self.phase.subscribe());
        self.listening.spawn(async move {
            tokio::spawn(watching);
            Ok(server.serve(listeners.grpc, callers, stopped, grace).await?)
        });
        if let Some(listener) = listeners.metrics {
            let (registry, services) = (Arc::clone(&registry), Arc::clone(&self.services));
            let (phase, stopped) = (self.phase.subscribe(), self.stopped());
            self.listening.spawn(async move {
                own_metrics::serve(listener, registry, services, probes, phase, stopped).await;
                Ok(())
            });
        }
        if let (Some(gateway), Some(sockets)) = (&self.services.gateway, listeners.gateway) {
            let (didcomm, admin) = (gateway.clone(), gateway.clone());
            let (didcomm_stopped, admin_stopped) = (self.stopped(), self.stopped());
            self.listening.spawn(async move {
                Ok(didcomm.serve_didcomm(sockets.didcomm, didcomm_stopped).await?)
            });
            let metrics = move || metrics::encode(&registry).unwrap_or_default();
            self.listening.spawn(async move {
                Ok(admin.serve_admin(sockets.admin, metrics, admin_stopped).await?)
            });
        }
        Ok(())
    }

    fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut phase = self.phase.subscribe();
        async move {
            // An error means that the suite is gone, which is a stop too.
            let _ = phase.wait_for(|phase| *phase == Phase::Stopping).await;
        }
    }

    /// Reads the TLS files again.
    pub fn reload(&self) {
        self.tls.iter().for_each(Tls::read_again);
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The URL that peers reach it at.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The API key, if it was made at this start.
    pub fn new_api_key(&self) -> Option<&str> {
        self.api_key.as_deref().filter(|_| self.key_is_new)
    }

    /// The API key that calls must carry, if any.
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// Done when a listener fails.
    pub async fn failed(&mut self) -> ServeError {
        match self.listening.join_next().await {
            Some(Ok(Err(error))) => error,
            _ => ServeError::Ended,
        }
    }

    /// Says that it is not ready, and serves on for as long as it takes until balancers know; [`Suite::stop`] comes next.
    pub async fn drain(&mut self) {
        self.over_at = Some(Instant::now() + self.shutdown_timeout);
        self.services.drain();
        self.phase.send_replace(Phase::Draining);
        tokio::time::sleep(self.drain_delay).await;
    }

    /// Takes no more calls, lets those under way finish, ends streams with their cursors, and puts all away, within the time
    /// that the configuration gives.
    pub async fn stop(mut self) {
        let over_at = self.over_at.unwrap_or_else(|| Instant::now() + self.shutdown_timeout);
        let flush_at = over_at - FLUSH.min(self.shutdown_timeout / 2);
        self.phase.send_replace(Phase::Stopping);
        let ended = async {
            self.services.end_streams().await;
            while self.listening.join_next().await.is_some() {}
        };
        if timeout_at(flush_at, ended).await.is_err() {
            tracing::warn!("calls were still under way at the end of --shutdown-timeout");
            self.listening.abort_all();
        }
        self.callers.flush().await;
        if timeout_at(over_at, self.services.stop()).await.is_err() {
            tracing::warn!("the services did not stop in time");
        }
    }
}

/// Who may call: those of the file, the administrator, and the services with keys that are derived from the latter's.
fn callers(config: &Config, api_key: Option<&str>, issuers: Issuers) -> Callers {
    if config.access == Access::Insecure {
        return Callers::insecure_behind(config.proxies.clone());
    }
    let derived = api_key.map(StaticCaller::of_admin_key).unwrap_or_default();
    let callers = config.callers.iter().cloned().chain(derived).collect();
    Callers::new(Known { callers, issuers, proxies: config.proxies.clone() })
}

/// Makes what the configuration needs in the data directory. Gives the API key, and whether it is new.
fn open_data(config: &Config) -> Result<(Option<String>, bool), ServeError> {
    let stores = [
        ServiceName::Access,
        ServiceName::Resolver,
        ServiceName::Keystore,
        ServiceName::Connection,
    ];
    if config.access == Access::GeneratedKey || stores.into_iter().any(|name| config.runs(name)) {
        data_dir::prepare(&config.data_dir)?;
    }
    Ok(match &config.access {
        Access::Insecure | Access::Callers => (None, false),
        Access::Key(key) => (Some(key.clone()), false),
        Access::GeneratedKey => {
            let (key, new) = data_dir::api_key(&config.data_dir)?;
            (Some(key), new)
        }
    })
}
