//! Configuration, start and end of the service.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::{GrpcServer, Link, link};
use prometheus_client::registry::Registry;
use zeroize::Zeroizing;

use crate::error::StartError;
use crate::grpc::{self, Server};
use crate::keystore::{Keystore, Limits};
use crate::master::{self, Source};
use crate::metrics::Metrics;
use crate::store::{Creator, Store};

/// Where the master key comes from. A store stays with the one that it was made with.
pub enum MasterKey {
    /// A file of 32 bytes for its owner only, made at the first start. `None` is `master.key` in the data directory.
    File(Option<PathBuf>),
    /// A passphrase, through Argon2id (RFC 9106); salt and cost are in the database. Start takes a good part of a
    /// second. To change the passphrase itself, import the keys into a new store.
    Passphrase(Zeroizing<String>),
}

/// What the keystore must be told.
pub struct Config {
    /// The directory of `keystore.db` and `master.key`; made for its owner only if it does not exist.
    pub data_dir: PathBuf,
    /// `sqlite:path` or `postgres://user@host/name`; `None` is `keystore.db` in the data directory.
    pub database_url: Option<String>,
    /// Where the master key comes from.
    pub master_key: MasterKey,
    /// The largest payload, plaintext or envelope, in bytes. A gRPC message is limited as well
    /// ([`entente_rpc::MAX_MESSAGE`]), and an envelope is a third larger than its plaintext.
    pub max_message: usize,
    /// The most private keys in memory; each takes about 1 KiB.
    pub cached_keys: u64,
    /// The most tenants whose data key is in memory.
    pub cached_tenants: u64,
    /// How long a key stays in memory. So long a key that another process deletes may still be used by this one.
    pub cached_for: Duration,
}

impl Config {
    /// A keystore in a directory, with a key file there and the defaults: messages of 1 MiB, 10,000 keys and 1,000
    /// tenants in memory for ten minutes.
    #[must_use]
    pub fn in_directory(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            master_key: MasterKey::File(None),
            max_message: 1024 * 1024,
            cached_keys: 10_000,
            cached_tenants: 1_000,
            cached_for: Duration::from_secs(600),
        }
    }
}

/// A keystore that runs.
pub struct Service {
    keystore: Arc<Keystore>,
    server: Server,
}

/// Opens the store and the master key, and starts the service. Its metrics go to `registry`.
///
/// # Errors
/// [`StartError`]: the directory, the database or the master key cannot be used.
pub async fn start(
    config: Config,
    mut registry: Option<&mut Registry>,
) -> Result<Service, StartError> {
    make_directory(&config.data_dir)?;
    let file = || format!("sqlite:{}", config.data_dir.join("keystore.db").display());
    let store = Store::connect(&config.database_url.clone().unwrap_or_else(file)).await?;
    let source = match config.master_key {
        MasterKey::File(path) => {
            Source::File(path.unwrap_or_else(|| config.data_dir.join("master.key")))
        }
        MasterKey::Passphrase(passphrase) => Source::Passphrase(passphrase),
    };
    let master = match master::open(&source, &store).await {
        Ok(master) => master,
        Err(error) => {
            store.close().await;
            return Err(error.into());
        }
    };
    let limits = Limits {
        message: config.max_message,
        cached_keys: config.cached_keys,
        cached_tenants: config.cached_tenants,
        cached_for: config.cached_for,
    };
    let creator = Creator::start(&store);
    if let Some(registry) = registry.as_deref_mut() {
        store.register(registry.sub_registry_with_prefix("entente_keystore"));
    }
    let metrics = Metrics::new(registry);
    let keystore = Arc::new(Keystore::new(store, creator, source, master, limits, metrics));
    let server = grpc::server(keystore.clone());
    Ok(Service { keystore, server })
}

impl Service {
    /// Serves the keystore on a gRPC server.
    pub fn add_to(&self, server: &mut GrpcServer) {
        server.add(self.server.clone());
    }

    /// A link to the keystore in this process.
    #[must_use]
    pub fn link(&self) -> Link {
        link::local(self.server.clone())
    }

    /// Whether the keystore can work: its database answers. The master key was there at the start.
    pub async fn is_ready(&self) -> bool {
        self.keystore.is_ready().await
    }

    /// Finishes the creations that are queued, drops the keys in memory and closes the store. Calls after this fail
    /// with STORE_UNAVAILABLE.
    pub async fn shutdown(&self) {
        self.keystore.stop().await;
    }
}

fn make_directory(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StartError::Directory { path: path.to_owned(), source })
}
