//! Files that change: looked at every few seconds, and when asked to.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::files::{Material, Stamp, stamps};
use crate::{Tls, metrics};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(2);

impl Tls {
    /// Looks at the files from now on, for as long as this is polled. New ones are used from the next connection on;
    /// those that cannot be used leave what there was, and an error in the log.
    pub async fn watch(self) {
        let mut seen = self.look().await;
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(PERIOD) => false,
                () = self.0.again.notified() => true,
            };
            let now = self.look().await;
            if asked || now != seen {
                self.reload().await;
                seen = now;
            }
        }
    }

    /// Reads the files now, whether they changed or not.
    pub fn read_again(&self) {
        self.0.again.notify_one();
    }

    async fn look(&self) -> Vec<Option<Stamp>> {
        let settings = self.0.settings.clone();
        tokio::task::spawn_blocking(move || stamps(&settings)).await.unwrap_or_default()
    }

    async fn reload(&self) {
        let settings = self.0.settings.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || Material::read(&settings)).await else {
            return;
        };
        self.0.stale.store(read.is_err(), Ordering::Relaxed);
        match read {
            Ok(material) => {
                let expires = material.expires;
                self.replace(material);
                metrics::reloaded("ok");
                tracing::info!(expires, "new TLS certificates are in use");
            }
            Err(error) => {
                metrics::reloaded("failed");
                tracing::error!(%error, "the TLS files cannot be used; what was read before stays in use");
            }
        }
    }
}
