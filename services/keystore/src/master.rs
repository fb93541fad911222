//! The master key, which wraps the tenants' data keys: where it comes from, how it is found at start, and its change.

mod change;
mod error;
mod file;
mod passphrase;

pub(crate) use change::Change;
pub use error::MasterKeyError;

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::seal::{Place, SealError, SealingKey, Secret32, random};
use crate::store::{Argon2Cost, MasterKeyRecord, MasterKeySource, Store};

/// Where the configuration says the master key is.
pub(crate) enum Source {
    File(PathBuf),
    Passphrase(Zeroizing<String>),
}

/// The master key in use.
pub(crate) struct Master {
    key: SealingKey,
    /// As it is stored; it names the key.
    pub(crate) verifier: Vec<u8>,
}

impl Master {
    /// A key with its verifier.
    fn seal(secret: &Secret32) -> Result<Self, SealError> {
        let key = SealingKey::new(secret);
        // A constant, as only whether it opens matters.
        let verifier = key.seal(Place::Verifier, Secret32::default().as_slice())?;
        Ok(Self { key, verifier })
    }

    /// The key, if it is the one that made the verifier.
    fn check(secret: &Secret32, verifier: &[u8]) -> Result<Self, SealError> {
        let key = SealingKey::new(secret);
        key.open(Place::Verifier, verifier)?;
        Ok(Self { key, verifier: verifier.to_owned() })
    }

    /// A fresh data key for a tenant, and how it is stored.
    pub(crate) fn make_tenant_key(&self, tenant: &str) -> Result<Vec<u8>, SealError> {
        self.key.seal(Place::TenantKey { tenant }, random()?.as_slice())
    }

    /// A tenant's data key.
    pub(crate) fn unwrap(&self, tenant: &str, wrapped: &[u8]) -> Result<SealingKey, SealError> {
        let key = self.key.open(Place::TenantKey { tenant }, wrapped)?;
        let key = key.as_slice().try_into().map_err(|_| SealError::Broken)?;
        Ok(SealingKey::new(&Secret32::new(key)))
    }

    /// A tenant's data key, wrapped under another master key.
    fn rewrap(&self, next: &Self, tenant: &str, wrapped: &[u8]) -> Result<Vec<u8>, MasterKeyError> {
        let place = Place::TenantKey { tenant };
        Ok(next.key.seal(place, &self.key.open(place, wrapped)?)?)
    }
}

/// Finds the master key of a store, or makes the first one. It also ends what a crash in [`Change::commit`] left half done.
pub(crate) async fn open(source: &Source, store: &Store) -> Result<Master, MasterKeyError> {
    match (source, store.master_key().await?) {
        (Source::File(path), None) => make_file(path.clone(), store).await,
        (Source::File(path), Some(MasterKeyRecord { source: MasterKeySource::File, verifier })) => {
            let path = path.clone();
            blocking(move || file::find(&path, &verifier)).await
        }
        (Source::File(_), Some(_)) => Err(MasterKeyError::FromPassphrase),
        (Source::Passphrase(passphrase), None) => {
            make_from_passphrase(passphrase.clone(), store).await
        }
        (Source::Passphrase(passphrase), Some(record)) => {
            open_passphrase(passphrase.clone(), record).await
        }
    }
}

async fn make_file(path: PathBuf, store: &Store) -> Result<Master, MasterKeyError> {
    let make = path.clone();
    let master = blocking(move || Ok(Master::seal(&file::read_or_create(&make)?)?)).await?;
    let record = MasterKeyRecord { source: MasterKeySource::File, verifier: master.verifier };
    // Another process may have been first; its record counts.
    match store.add_master_key(record).await? {
        MasterKeyRecord { source: MasterKeySource::File, verifier } => {
            blocking(move || file::find(&path, &verifier)).await
        }
        _ => Err(MasterKeyError::FromPassphrase),
    }
}

async fn make_from_passphrase(
    passphrase: Zeroizing<String>,
    store: &Store,
) -> Result<Master, MasterKeyError> {
    let (_, record) = seal_passphrase(passphrase.clone()).await?;
    let record = store.add_master_key(record).await?;
    open_passphrase(passphrase, record).await
}

async fn open_passphrase(
    passphrase: Zeroizing<String>,
    record: MasterKeyRecord,
) -> Result<Master, MasterKeyError> {
    let MasterKeySource::Passphrase { salt, cost } = record.source else {
        return Err(MasterKeyError::FromFile);
    };
    blocking(move || {
        let secret = passphrase::derive(&passphrase, &salt, cost)?;
        Master::check(&secret, &record.verifier).map_err(|_| MasterKeyError::WrongPassphrase)
    })
    .await
}

/// The key of a passphrase with a fresh salt.
async fn seal_passphrase(
    passphrase: Zeroizing<String>,
) -> Result<(Master, MasterKeyRecord), MasterKeyError> {
    blocking(move || {
        let (salt, cost) = (random()?.to_vec(), Argon2Cost::CHOSEN);
        let master = Master::seal(&passphrase::derive(&passphrase, &salt, cost)?)?;
        let verifier = master.verifier.clone();
        Ok((
            master,
            MasterKeyRecord { source: MasterKeySource::Passphrase { salt, cost }, verifier },
        ))
    })
    .await
}

/// Runs what waits for the disk, or computes for long, off the async workers.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MasterKeyError> + Send + 'static,
) -> Result<T, MasterKeyError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| MasterKeyError::Stopped)?
}
