//! The change of the master key.

use std::sync::Arc;

use super::Keystore;
use crate::error::KeystoreError;
use crate::master::{self, Change, MasterKeyError};

impl Keystore {
    /// Wraps all tenant keys under a new master key. Gives their number. Calls that have their tenant's key in memory
    /// go on meanwhile; the others wait for the commit.
    pub(crate) async fn rotate_master_key(self: Arc<Self>) -> Result<usize, KeystoreError> {
        // A task of its own: a caller who goes away must not leave the old key in memory after the commit.
        let changed = tokio::spawn(async move { self.change_master_key().await }).await;
        Ok(changed.map_err(|_| MasterKeyError::Stopped)??)
    }

    async fn change_master_key(&self) -> Result<usize, MasterKeyError> {
        let _one_at_a_time = self.rotation.lock().await;
        let change = Change::prepare(&self.source, &self.store).await?;
        let mut master = self.master.write().await;
        match change.commit(&self.store).await {
            Ok((next, tenants)) => {
                *master = next;
                tracing::info!(tenants, "master key changed");
                Ok(tenants)
            }
            Err(error) => {
                // The commit may have happened all the same: what the store says counts.
                if let Ok(stored) = master::open(&self.source, &self.store).await {
                    *master = stored;
                }
                Err(error)
            }
        }
    }
}
