//! Forgetting what is too old: events and basic messages, the ids of messages, answers to calls with a request_id; and the
//! forms of did:peer:4 that nothing needs.
//!
//! It goes on beside everything else, in small works with pauses between, so that nobody waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use entente_rpc::proto::resolver::v1::TenantDid;

use crate::engine::{Answer, Engine, now};
use crate::store::Old;

/// How often it is looked for what is too old; oftener where it is kept for less.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to a call with a request_id is kept.
const REQUESTS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many records one work removes.
const BATCH: i64 = 500;
/// How long nothing is removed after such a work.
const PAUSE: Duration = Duration::from_millis(25);

/// Runs until the service ends.
pub(crate) async fn run(engine: Engine) {
    let kept = engine.config.event_retention.min(engine.config.message_id_retention);
    loop {
        tokio::time::sleep(kept.min(INTERVAL)).await;
        if engine.replica.leads()
            && let Err(failure) = clean_up(&engine).await
        {
            tracing::warn!(reason = %failure, "old records could not be removed; trying again later");
        }
    }
}

async fn clean_up(engine: &Engine) -> Answer<()> {
    let config = &engine.config;
    for (old, kept) in [
        (Old::Message, config.message_id_retention),
        (Old::Request, REQUESTS_KEPT),
        (Old::BasicMessage, config.event_retention),
    ] {
        forget(engine, old, since(kept)).await?;
    }
    let before = since(config.event_retention);
    for tenant in engine.store.tenants_with_events_before(before).await? {
        purge(engine, &tenant, before).await?;
    }
    settle_dids(engine).await
}

/// The time that what is kept is from.
fn since(kept: Duration) -> i64 {
    now().saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
}

async fn forget(engine: &Engine, old: Old, before: i64) -> Answer<()> {
    loop {
        let mut work = engine.work_for_all().await?;
        let removed = work.forget(old, before, BATCH).await?;
        engine.commit(work).await?;
        if removed == 0 {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn purge(engine: &Engine, tenant: &str, before: i64) -> Answer<()> {
    loop {
        let mut work = engine.work(tenant).await?;
        let removed = work.purge_events(before, BATCH).await?;
        engine.commit(work).await?;
        if removed == 0 {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells the resolver which forms of did:peer:4 a record still has.
async fn settle_dids(engine: &Engine) -> Answer<()> {
    loop {
        let due = engine.clients.due_dids().await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut by_tenant = BTreeMap::<String, Vec<String>>::new();
        for TenantDid { tenant, did } in due {
            by_tenant.entry(tenant).or_default().push(did);
        }
        for (tenant, dids) in by_tenant {
            let in_use = engine.store.dids_in_use(&tenant, &dids).await?;
            let (needed, needless) = dids.into_iter().partition(|did| in_use.contains(did));
            engine.clients.settle_dids(&tenant, needed, needless).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use entente_did::{PublicKey, create};
    use entente_rpc::{ErrorReason, link, stop_clock};
    use entente_store::testing::Place;

    use super::*;
    use crate::Links;
    use crate::clients::Clients;
    use crate::events::tests::{Fixture, TENANT};
    use crate::store::OurDid;

    const MINUTE: i64 = 60_000;
    const KEY: &str = "did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

    /// An engine with a resolver, on one of the databases, and what has to live as long; `None` where there is none.
    async fn start(
        on_postgres: bool,
    ) -> Option<(Fixture, entente_resolver::Service, tempfile::TempDir)> {
        let directory = tempfile::tempdir().unwrap();
        let url = |name: &str| format!("sqlite:{}/{name}.db", directory.path().display());
        let (ours, resolvers) = match on_postgres {
            false => (url("connection"), url("resolver")),
            true => {
                let server = std::env::var("ENTENTE_TEST_POSTGRES").ok();
                let url = Place::postgres(server).await.unwrap()?.url();
                (url.clone(), url)
            }
        };
        let mut fixture = Fixture::with(|config| config.database_url = ours).await;
        let config = entente_resolver::Config::new(resolvers);
        let resolver = entente_resolver::start(config, &mut Default::default()).await.unwrap();
        let nobody = || link::remote("http://127.0.0.1:9", None).unwrap();
        fixture.engine.clients = Clients::new(Links {
            keystore: nobody(),
            resolver: resolver.link(),
            transport: nobody(),
        });
        Some((fixture, resolver, directory))
    }

    #[tokio::test]
    async fn the_resolver_keeps_what_is_needed_or_was_just_seen() {
        for on_postgres in [false, true] {
            let Some((fixture, _resolver, _directory)) = start(on_postgres).await else { continue };
            let engine = &fixture.engine;
            let key = PublicKey::from_did_key(KEY).unwrap();
            let made = |name: &str| {
                create::v1_peer4(&key, &format!("http://{name}.example"), &[]).unwrap()
            };
            let (needed, needless, seen) = (made("needed"), made("needless"), made("seen"));
            let resolves = async |did| match engine.clients.resolve(TENANT, did).await {
                Ok(_) => true,
                Err(failure) => {
                    assert_eq!(failure.reason, ErrorReason::DidNotFound, "{failure}");
                    false
                }
            };
            let begun = now();
            let at = |minutes: i64| stop_clock(Some(begun + minutes * MINUTE));
            at(0);
            for did in [&needed, &needless, &seen] {
                assert!(resolves(&did.long).await);
            }
            let mut work = engine.work(TENANT).await.unwrap();
            let ours = OurDid { did: needed.long.clone(), key };
            assert!(work.insert_did(&ours, None).await.unwrap());
            engine.commit(work).await.unwrap();
            assert_eq!(engine.clients.due_dids().await.unwrap(), []);
            // Twice it is said that nothing needs it, three minutes apart; saying it again at once is not twice.
            at(3);
            assert_eq!(engine.clients.due_dids().await.unwrap().len(), 3);
            settle_dids(engine).await.unwrap();
            let said = vec![needless.short.to_string()];
            engine.clients.settle_dids(TENANT, Vec::new(), said).await.unwrap();
            at(5);
            assert!(resolves(&needless.short).await && resolves(&seen.long).await);
            at(6);
            settle_dids(engine).await.unwrap();
            let left = async || {
                [
                    resolves(&needed.short).await,
                    resolves(&needless.short).await,
                    resolves(&seen.short).await,
                ]
            };
            assert_eq!(left().await, [true, false, true]);
            // What is needed is asked after ever more rarely.
            at(11);
            assert_eq!(engine.clients.due_dids().await.unwrap().len(), 1, "that which was seen");
            settle_dids(engine).await.unwrap();
            at(14);
            settle_dids(engine).await.unwrap();
            assert_eq!(left().await, [true, false, false]);
            at(1_000);
            settle_dids(engine).await.unwrap();
            assert_eq!(left().await, [true, false, false]);
            // Who sends the long form again is known again.
            assert!(resolves(&needless.long).await);
            assert_eq!(left().await, [true, true, false]);
            stop_clock(None);
        }
    }
}
