//! Webhooks that callers registered, at whichever gateway: readers come and go with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::Status;
use entente_rpc::proto::event::v1::{ListWebhooksRequest, Webhook};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Target;
use crate::gateway::Shared;

/// How often they are looked for; those registered here are known at once.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs a reader for each until the gateway stops.
pub(crate) async fn follow_registered(shared: Arc<Shared>, client: reqwest::Client) {
    let mut readers = HashMap::new();
    let mut known = true;
    while !shared.is_stopping() {
        match registered(&shared).await {
            Ok(webhooks) => {
                update(&shared, &client, &mut readers, &webhooks);
                known = true;
            }
            // Said once; the readers that run go on.
            Err(status) if std::mem::take(&mut known) => {
                tracing::warn!(code = ?status.code(), error = status.message(), "registered webhooks cannot be read")
            }
            Err(_) => {}
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = shared.webhooks_changed.notified() => {}
            () = shared.stopped() => {}
        }
    }
    for (_, reader) in readers {
        let _ = reader.await;
    }
}

async fn registered(shared: &Shared) -> Result<Vec<Webhook>, Status> {
    let request = shared.request(ListWebhooksRequest {})?;
    Ok(shared.clients.webhooks.clone().list_webhooks(request).await?.into_inner().webhooks)
}

/// Starts the readers that are missing, and ends those whose webhook is gone.
fn update(
    shared: &Arc<Shared>,
    client: &reqwest::Client,
    readers: &mut HashMap<String, JoinHandle<()>>,
    webhooks: &[Webhook],
) {
    readers.retain(|id, reader| {
        let stays = webhooks.iter().any(|webhook| webhook.id == *id);
        if !stays {
            // Its cursor went with it: there is nothing to store.
            reader.abort();
        }
        stays
    });
    for webhook in webhooks {
        if readers.contains_key(&webhook.id) {
            continue;
        }
        let policy = shared.config.webhooks.policy();
        match Target::registered(webhook, policy) {
            Some(target) => {
                readers.insert(webhook.id.clone(), super::read(shared, target, client));
            }
            None => tracing::error!(id = webhook.id, "a registered webhook cannot be called"),
        }
    }
}
