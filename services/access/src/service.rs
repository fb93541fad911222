//! Configuration, start and end of the service.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use entente_rpc::auth::Roles;
use entente_rpc::proto::access::v1 as pb;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{
    Caller, DEFAULT_TENANT, GrpcServer, Link, MAX_MESSAGE, Method, RoutesBuilder, link,
};
use entente_store::StoreError;
use pb::access_service_server::AccessServiceServer;
use pb::api_key_service_server::ApiKeyServiceServer;
use pb::audit_service_server::AuditServiceServer;
use pb::entity_service_server::EntityServiceServer;
use pb::tenant_service_server::TenantServiceServer;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

use crate::grpc::Grpc;
use crate::last_use::LastUse;
use crate::store::Store;
use crate::{deletion, last_use};

/// What the service must be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// `sqlite:path` or `postgres://user@host/name`.
    pub database_url: String,
    /// How long after a tenant is to be deleted nobody works for it any more: what other processes remember of it is
    /// 5 s old at most, and calls that were under way have ended.
    pub settled_after: Duration,
    /// How often it is written down when keys were used; for each at most once a minute.
    pub last_use_interval: Duration,
    /// How long entries of the audit are kept; for ever without it.
    pub audit_retention: Option<Duration>,
}

impl Config {
    /// The defaults.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            settled_after: Duration::from_secs(15),
            last_use_interval: Duration::from_secs(10),
            audit_retention: None,
        }
    }
}

/// The services that keep what is a tenant's.
#[derive(Clone)]
pub struct Links {
    /// The keystore.
    pub keystore: Link,
    /// The connection service.
    pub connection: Link,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("the access database cannot be opened")]
    Store(#[from] StoreError),
}

/// What the RPCs share.
#[derive(Clone)]
pub(crate) struct Access {
    pub store: Store,
    pub last_use: Arc<LastUse>,
    /// Makes the codes of chosen keys; known once the service is attached.
    pub keystore: Arc<OnceLock<KeystoreServiceClient<Link>>>,
    /// There is a tenant to be deleted.
    pub deletions: Arc<Notify>,
    /// There are new entries of the audit.
    pub audited: watch::Sender<()>,
    pub config: Config,
}

/// The running service.
pub struct Service {
    grpc: Grpc,
    drain: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// A generated server with our limits.
macro_rules! limited {
    ($server:ident, $grpc:expr) => {
        $server::new($grpc.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    };
}

/// Starts the service: opens the database. The tenant `default` is there from the beginning.
///
/// # Errors
/// When the database cannot be opened.
pub async fn start(config: Config) -> Result<Service, StartError> {
    let store = Store::connect(&config.database_url).await?;
    store.ensure_tenant(DEFAULT_TENANT, entente_rpc::now()).await?;
    let interval = config.last_use_interval;
    let access = Access {
        store,
        last_use: Arc::default(),
        keystore: Arc::default(),
        deletions: Arc::new(Notify::new()),
        audited: watch::Sender::new(()),
        config,
    };
    let writer = tokio::spawn(last_use::run(access.clone(), interval));
    let mut tasks = vec![writer];
    if let Some(kept) = access.config.audit_retention {
        tasks.push(tokio::spawn(access.clone().forget_audit(kept)));
    }
    let (drain, drained) = watch::channel(false);
    let grpc = Grpc { access, drain: drained };
    Ok(Service { grpc, drain, tasks: Mutex::new(tasks) })
}

impl Service {
    /// Begins to delete what is to be deleted, now that those are there who have it.
    pub async fn attach(&self, links: Links) {
        // Only the first counts.
        let _ = self.grpc.access.keystore.set(KeystoreServiceClient::new(links.keystore.clone()));
        let task = tokio::spawn(deletion::run(self.grpc.access.clone(), links));
        self.tasks.lock().await.push(task);
    }

    /// Adds the services to a server.
    pub fn add_to(&self, server: &mut GrpcServer) {
        let grpc = &self.grpc;
        server
            .add(limited!(TenantServiceServer, grpc))
            .add(limited!(ApiKeyServiceServer, grpc))
            .add(limited!(EntityServiceServer, grpc))
            .add(limited!(AccessServiceServer, grpc))
            .add(limited!(AuditServiceServer, grpc));
    }

    /// A link within the process, to all the services of this crate.
    #[must_use]
    pub fn link(&self) -> Link {
        let grpc = &self.grpc;
        let mut routes = RoutesBuilder::default();
        routes
            .add_service(limited!(TenantServiceServer, grpc))
            .add_service(limited!(ApiKeyServiceServer, grpc))
            .add_service(limited!(EntityServiceServer, grpc))
            .add_service(limited!(AccessServiceServer, grpc))
            .add_service(limited!(AuditServiceServer, grpc));
        link::routes(routes.routes())
    }

    /// Whether the service can work: its database answers.
    pub async fn is_ready(&self) -> bool {
        self.grpc.access.store.ping().await.is_ok()
    }

    /// Ends streams with a cursor to resume from.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// Stops the background tasks, and writes down when keys were used.
    pub async fn shutdown(&self) {
        self.drain();
        for task in std::mem::take(&mut *self.tasks.lock().await) {
            task.abort();
        }
        last_use::write(&self.grpc.access).await;
        self.grpc.access.store.close().await;
    }
}

/// Whether a caller may call a method for every tenant.
pub(crate) fn sees_all(caller: &Caller, method: &str) -> bool {
    let path = format!("/entente.access.v1.{method}");
    let may = Method::of_path(&path).map(Roles::that_may).unwrap_or_default();
    !caller.roles.among(may).anywhere().is_empty()
}
