//! Webhooks that callers registered, at whichever gateway: readers come and go with them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::Status;
use entente_rpc::proto::event::v1::{ListAllWebhooksRequest, Webhook, WebhookFormat};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Target;
use crate::gateway::Shared;

/// How often they are looked for; those registered here are known at once.
const INTERVAL: Duration = Duration::from_secs(5);

/// What a reader is started with: the target, whose events it gets, and by which client it is called.
struct Wanted {
    tenant: String,
    target: Target,
    client: reqwest::Client,
}

/// Those to which webhooks go: by which client the registered are called; the base wallet's, and by which client.
pub(crate) struct Ways {
    pub(crate) registered: reqwest::Client,
    pub(crate) base: (Vec<Target>, reqwest::Client),
}

/// Runs a reader for each until the gateway stops.
pub(crate) async fn follow_registered(shared: Arc<Shared>, ways: Ways) {
    let mut readers = HashMap::new();
    let mut known = true;
    while !shared.is_stopping() {
        match registered(&shared).await {
            Ok(webhooks) => {
                update(&shared, &mut readers, wanted(&shared, &ways, &webhooks));
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
            if matches!(shared.config.callers.tenants().is_active(&found.tenant).await, Ok(true)) {
                webhooks.extend(found.webhook.map(|webhook| (found.tenant, webhook)));
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(webhooks);
        }
    }
}

/// The readers that there are to be.
fn wanted(shared: &Shared, ways: &Ways, webhooks: &[(String, Webhook)]) -> Vec<Wanted> {
    let policy = shared.config.webhooks.policy();
    let mut wanted = Vec::new();
    for (tenant, webhook) in webhooks {
        let (targets, client): (Vec<_>, _) = match webhook.format() {
            WebhookFormat::AcapyBase => {
                let (base, client) = &ways.base;
                (base.iter().map(|target| target.of_tenant(tenant, webhook)).collect(), client)
            }
            _ => (vec![Target::registered(tenant, webhook, policy)], &ways.registered),
        };
        for target in targets {
            match target {
                Some(target) => {
                    wanted.push(Wanted { tenant: tenant.clone(), target, client: client.clone() });
                }
                None => tracing::error!(id = webhook.id, "a registered webhook cannot be called"),
            }
        }
    }
    wanted
}

/// Starts the readers that are missing, and ends those whose webhook is gone.
fn update(
    shared: &Arc<Shared>,
    readers: &mut HashMap<String, JoinHandle<()>>,
    wanted: Vec<Wanted>,
) {
    let consumers: HashSet<_> = wanted.iter().map(|one| one.target.consumer.clone()).collect();
    readers.retain(|consumer, reader| {
        let stays = consumers.contains(consumer);
        if !stays {
            // Its cursor went with it, or is some moments old, and what came since then comes again.
            reader.abort();
        }
        stays
    });
    for Wanted { tenant, target, client } in wanted {
        readers
            .entry(target.consumer.clone())
            .or_insert_with(|| super::read(&shared.for_tenant(&tenant), target, &client));
    }
}
