//! What is due: messages to try again, waits and deadlines that ended, invitations that expired.

use std::time::{Duration, Instant};

use crate::engine::{Answer, Engine, now};
use crate::outbox;

/// How often what is due is looked for, unless something wakes the timers before.
const TICK: Duration = Duration::from_secs(1);
/// How often the messages that wait are counted, for the metrics.
const COUNT: i64 = 15_000;
/// How many records one look takes up.
const BATCH: i64 = 256;

/// A clock that goes back by more than this, in milliseconds, was set back: it is not merely slowed down.
const SET_BACK: i64 = 5_000;

/// Runs until the service ends.
pub(crate) async fn run(engine: Engine) {
    let mut counted = 0;
    let mut clock = (Instant::now(), now());
    loop {
        let (since, then) = std::mem::replace(&mut clock, (Instant::now(), now()));
        let passed = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        if then.saturating_add(passed) - clock.1 > SET_BACK {
            tracing::warn!("the clock was set back: what waits to be sent is tried at once");
            report("what waits could not be hurried", hurry_all(&engine).await);
        }
        if let Err(failure) = tick(&engine).await {
            tracing::warn!(reason = %failure, "what is due could not be worked off; trying again");
        }
        if now() - counted > COUNT {
            counted = now();
            report("the outbox could not be counted", count_outbox(&engine).await);
        }
        let _ = tokio::time::timeout(TICK, engine.wake_timers.notified()).await;
    }
}

/// By the clock as it was before, messages would wait for as long as it was set back.
async fn hurry_all(engine: &Engine) -> Answer<()> {
    let mut work = engine.work_for_all().await?;
    work.hurry_all();
    Ok(engine.commit(work).await?)
}

async fn count_outbox(engine: &Engine) -> Answer<()> {
    // One replica tells it for all.
    let counted =
        if engine.replica.leads() { engine.store.outbox_depth().await? } else { (0, None) };
    let (depth, oldest) = counted;
    engine.metrics.outbox(depth, oldest.map_or(0, |oldest| (now() - oldest).max(0)));
    Ok(())
}

async fn tick(engine: &Engine) -> Answer<()> {
    outbox::sweep(engine).await?;
    if !engine.replica.leads() {
        return Ok(());
    }
    let now = now();
    for (tenant, id) in engine.store.due_acceptances(now, BATCH).await? {
        let engine = engine.clone();
        // Each may wait for other services, and none should wait for another.
        tokio::spawn(async move {
            report("an acceptance could not go on", engine.resume_acceptance(&tenant, &id).await);
        });
    }
    for (tenant, id) in engine.store.due_exchanges(now, BATCH).await? {
        report("an exchange could not be ended", engine.pass_deadline(&tenant, &id).await);
    }
    for (tenant, id) in engine.store.expired_invitations(now, BATCH).await? {
        report("an invitation could not be ended", engine.expire_invitation(&tenant, &id).await);
    }
    Ok(())
}

/// One record that cannot be worked off holds up no other.
fn report(what: &str, result: Answer<()>) {
    if let Err(failure) = result {
        tracing::warn!(reason = %failure, "{what}; trying again");
    }
}
