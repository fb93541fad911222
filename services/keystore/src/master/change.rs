//! The change of the master key, in two steps: the slow one needs no lock.

use super::{Master, MasterKeyError, Source, blocking, file, open, seal_passphrase};
use crate::seal::{Secret32, random};
use crate::store::{MasterKeyRecord, MasterKeySource, Store};

/// A change that is prepared: nothing is stored yet.
pub(crate) struct Change<'a> {
    source: &'a Source,
    current: Master,
    next: Master,
    record: MasterKeyRecord,
    /// What goes into the file; none with a passphrase.
    secret: Option<Secret32>,
}

impl<'a> Change<'a> {
    /// Makes a new master key; with a passphrase the key of the same passphrase and a new salt.
    pub(crate) async fn prepare(source: &'a Source, store: &Store) -> Result<Self, MasterKeyError> {
        let current = open(source, store).await?;
        let (next, record, secret) = match source {
            Source::File(_) => {
                let secret = random()?;
                let next = Master::seal(&secret)?;
                let verifier = next.verifier.clone();
                (next, MasterKeyRecord { source: MasterKeySource::File, verifier }, Some(secret))
            }
            Source::Passphrase(passphrase) => {
                let (next, record) = seal_passphrase(passphrase.clone()).await?;
                (next, record, None)
            }
        };
        Ok(Self { source, current, next, record, secret })
    }

    /// Wraps all tenant keys under the new key. A crash at any point leaves a store that [`open`] opens: until the
    /// commit the old key does, after it the new one, and both are on the disk from before the commit until after.
    /// Gives the new key and the number of tenant keys.
    pub(crate) async fn commit(self, store: &Store) -> Result<(Master, usize), MasterKeyError> {
        let Self { source, current, next, record, secret } = self;
        let write_next = async {
            match (source, secret) {
                (Source::File(path), Some(secret)) => {
                    let path = path.clone();
                    blocking(move || file::write_next(&path, &secret)).await
                }
                _ => Ok(()),
            }
        };
        let wrap = |tenant: &str, wrapped: &[u8]| current.rewrap(&next, tenant, wrapped);
        let tenants = store.change_master_key(&current.verifier, record, write_next, wrap).await?;
        if let Source::File(path) = source {
            let (path, verifier) = (path.clone(), next.verifier.clone());
            // The key is beside; finding it puts it in its place. If that fails, the next start does it.
            if let Err(error) = blocking(move || file::find(&path, &verifier)).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the new master key is still in the file beside the old one");
            }
        }
        Ok((next, tenants))
    }
}
