//! Starting and stopping the service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entente_rpc::proto::connection::v1::connection_service_server::ConnectionServiceServer;
use entente_rpc::proto::connection::v1::diagnosis_service_server::DiagnosisServiceServer;
use entente_rpc::proto::connection::v1::exchange_service_server::ExchangeServiceServer;
use entente_rpc::proto::connection::v1::inbound_service_server::InboundServiceServer;
use entente_rpc::proto::connection::v1::invitation_service_server::InvitationServiceServer;
use entente_rpc::proto::connection::v1::message_service_server::MessageServiceServer;
use entente_rpc::proto::connection::v1::tenant_data_service_server::TenantDataServiceServer;
use entente_rpc::proto::event::v1::event_service_server::EventServiceServer;
use entente_rpc::proto::event::v1::webhook_service_server::WebhookServiceServer;
use entente_rpc::{Failure, GrpcServer, Link, MAX_MESSAGE, RoutesBuilder, link};
use entente_store::StoreError;
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::clean_up;
use crate::clients::Clients;
use crate::config::Config;
use crate::engine::Engine;
use crate::feed::Feed;
use crate::grpc::Grpc;
use crate::metrics::{Metrics, PublisherMetrics};
use crate::nats::{self, Nats, NatsError};
use crate::outbox::{self, Outbox};
use crate::replicas::{self, Replica};
use crate::store::Store;
use crate::timers;

/// How long the end of publishing may take: what NATS has acknowledged is noted.
const PUBLISHER: Duration = Duration::from_secs(2);

/// A generated server with our limits.
macro_rules! limited {
    ($server:ident, $grpc:expr) => {
        $server::new($grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    };
}

/// The services that this one calls.
#[derive(Clone)]
pub struct Links {
    /// The keystore.
    pub keystore: Link,
    /// The resolver.
    pub resolver: Link,
    /// The transport.
    pub transport: Link,
}

/// The running service.
pub struct Service {
    grpc: Grpc,
    drain: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// Ends by itself when the service drains.
    publisher: Mutex<Option<JoinHandle<()>>>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("the connection database cannot be opened")]
    Store(#[from] StoreError),
    /// What earlier processes left cannot be taken up.
    #[error("what earlier processes left cannot be taken up: {0}")]
    Join(#[from] Failure),
    /// The address of the NATS server is none.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

/// Starts the service: opens the database, and takes up what an earlier process left undone.
///
/// # Errors
/// When the database cannot be opened.
pub async fn start(
    config: Config,
    links: Links,
    registry: &mut Registry,
) -> Result<Service, StartError> {
    let store = Store::connect(&config.database_url).await?;
    store.register(registry.sub_registry_with_prefix("entente_connection"));
    let (outbox, inlets) = Outbox::new();
    let (replica, told) = Replica::new();
    let nats = match &config.nats_url {
        Some(url) => Some(Nats::connect(url).await?),
        None => None,
    };
    let publisher = nats.as_ref().map(|_| PublisherMetrics::new(registry));
    let (drain, drained) = watch::channel(false);
    let engine = Engine {
        store,
        clients: Clients::new(links),
        config: Arc::new(config),
        feed: Feed::new(),
        outbox,
        replica,
        nats,
        metrics: Metrics::new(registry),
        error_limit: crate::inbound::ErrorLimit::new(),
        wake_timers: Arc::new(Notify::new()),
        drain: drained,
    };
    replicas::join(&engine).await?;
    let mut tasks = vec![
        tokio::spawn(replicas::run(engine.clone())),
        tokio::spawn(replicas::tell(engine.clone(), told)),
        tokio::spawn(replicas::hear(engine.clone())),
        tokio::spawn(outbox::dispatch(engine.clone(), inlets)),
        tokio::spawn(timers::run(engine.clone())),
        tokio::spawn(clean_up::run(engine.clone())),
    ];
    let publisher = publisher.map(|metrics| {
        tasks.push(tokio::spawn(replicas::hear_by_nats(engine.clone())));
        tokio::spawn(nats::publish(engine.clone(), metrics))
    });
    Ok(Service { grpc: Grpc { engine }, drain, tasks, publisher: Mutex::new(publisher) })
}

impl Service {
    /// Adds the services to a server.
    pub fn add_to(&self, server: &mut GrpcServer) {
        let grpc = &self.grpc;
        server
            .add(limited!(InvitationServiceServer, grpc))
            .add(limited!(ExchangeServiceServer, grpc))
            .add(limited!(ConnectionServiceServer, grpc))
            .add(limited!(DiagnosisServiceServer, grpc))
            .add(limited!(MessageServiceServer, grpc))
            .add(limited!(InboundServiceServer, grpc))
            .add(limited!(TenantDataServiceServer, grpc))
            .add(limited!(EventServiceServer, grpc))
            .add(limited!(WebhookServiceServer, grpc));
    }

    /// A link within the process, to all the services of this crate.
    #[must_use]
    pub fn link(&self) -> Link {
        let grpc = &self.grpc;
        let mut routes = RoutesBuilder::default();
        routes
            .add_service(limited!(InvitationServiceServer, grpc))
            .add_service(limited!(ExchangeServiceServer, grpc))
            .add_service(limited!(ConnectionServiceServer, grpc))
            .add_service(limited!(DiagnosisServiceServer, grpc))
            .add_service(limited!(MessageServiceServer, grpc))
            .add_service(limited!(InboundServiceServer, grpc))
            .add_service(limited!(TenantDataServiceServer, grpc))
            .add_service(limited!(EventServiceServer, grpc))
            .add_service(limited!(WebhookServiceServer, grpc));
        link::routes(routes.routes())
    }

    /// Whether the service can work: its database answers.
    pub async fn is_ready(&self) -> bool {
        self.grpc.engine.store.ping().await.is_ok()
    }

    /// Ends streams with a cursor to resume from.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// Stops the background tasks. What they did not get done is in the database, for another replica or the next start.
    pub async fn shutdown(&self) {
        self.drain();
        let publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(publisher) = publisher {
            let abort = publisher.abort_handle();
            if tokio::time::timeout(PUBLISHER, publisher).await.is_err() {
                abort.abort();
            }
        }
        for task in &self.tasks {
            task.abort();
        }
        if let Err(failure) = replicas::leave(&self.grpc.engine).await {
            tracing::warn!(reason = %failure, "the other replicas could not be told of the end");
        }
        self.grpc.engine.store.close().await;
    }
}
