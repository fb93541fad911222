//! Removes delivered messages from the table, many in one transaction: it is no harm if a crash loses some, since the
//! peer knows a message by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::engine::{Answer, Engine};
use crate::store::{Kind, Outgoing};

/// How long deliveries are gathered.
const LINGER: Duration = Duration::from_millis(20);
/// How many are removed at once.
const BATCH: usize = 512;

pub(super) async fn complete(engine: Engine, mut completed: mpsc::UnboundedReceiver<Outgoing>) {
    let mut batch = Vec::new();
    loop {
        if completed.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        tokio::time::sleep(LINGER).await;
        while batch.len() < BATCH
            && let Ok(message) = completed.try_recv()
        {
            batch.push(message);
        }
        // In an order, so that the simulation of a seed is the same each time.
        let mut tenants: BTreeMap<String, Vec<Outgoing>> = BTreeMap::new();
        for message in batch.drain(..) {
            tenants.entry(message.tenant.clone()).or_default().push(message);
        }
        for (tenant, messages) in &tenants {
            while let Err(error) = remove(&engine, tenant, messages).await {
                tracing::warn!(error = %error, "delivered messages could not be removed; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        engine.outbox.forget(tenants.values().flatten().map(|message| &message.id));
    }
}

async fn remove(engine: &Engine, tenant: &str, messages: &[Outgoing]) -> Answer<()> {
    let mut work = engine.work(tenant).await?;
    let ids: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
    work.remove_outgoing(&ids);
    for message in messages.iter().filter(|message| engine.completes(message)) {
        engine.handshake_delivered(&mut work, &message.lane).await?;
    }
    for message in messages.iter().filter(|message| message.kind == Kind::Caller) {
        work.emit(engine.message_fate(message, None));
    }
    Ok(engine.commit(work).await?)
}
