//! Webhooks that callers registered, at whichever gateway: readers come and go with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::Status;
use entente_rpc::proto::event::v1::{ListAllWebhooksRequest, Webhook};
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

/// The webhooks of all tenants that may work.
async fn registered(shared: &Shared) -> Result<Vec<(String, Webhook)>, Status> {
    let (mut webhooks, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = shared.request(ListAllWebhooksRequest { page_size: 1_000, page_token })?;
        let page = shared.clients.webhooks.clone().list_all_webhooks(request).await?.into_inner();
        for found in page.webhooks {
            if shared.config.callers.tenants().is_active(&found.tenant).await {
                webhooks.extend(found.webhook.map(|webhook| (found.tenant, webhook)));
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(webhooks);
        }
    }
}

/// Starts the readers that are missing, and ends those whose webhook is gone.
fn update(
    shared: &Arc<Shared>,
    client: &reqwest::Client,
    readers: &mut HashMap<String, JoinHandle<()>>,
    webhooks: &[(String, Webhook)],
) {
    readers.retain(|id, reader| {
        let stays = webhooks.iter().any(|(_, webhook)| webhook.id == *id);
        if !stays {
            // Its cursor went with it, or is some moments old, and what came since then comes again.
            reader.abort();
        }
        stays
    });
    for (tenant, webhook) in webhooks {
        if readers.contains_key(&webhook.id) {
            continue;
        }
        let policy = shared.config.webhooks.policy();
        match Target::registered(webhook, policy) {
            Some(target) => {
                readers.insert(
                    webhook.id.clone(),
                    super::read(&shared.for_tenant(tenant), target, client),
                );
            }
            None => tracing::error!(id = webhook.id, "a registered webhook cannot be called"),
        }
    }
}
