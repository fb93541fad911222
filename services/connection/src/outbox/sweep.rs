//! Finds messages in the table that are due.

use crate::engine::{Answer, Engine, now};

/// How many lanes are taken up at once.
const LANES: usize = 256;
/// How many messages of a lane.
const MESSAGES: usize = 32;

/// Takes up the lanes of this replica that are due.
pub(crate) async fn sweep(engine: &Engine) -> Answer<()> {
    let me = engine.replica.id();
    // Those that are being sent are due all the while.
    let Some(active) = engine.outbox.active() else { return Ok(()) };
    for (tenant, lane) in engine.store.due_lanes(&me, now(), limit(active + LANES)).await? {
        let key = (tenant, lane);
        if engine.outbox.is_active(&key) {
            continue;
        }
        if engine.outbox.active().is_none() {
            break;
        }
        let (messages, all) = engine.untaken(&key.0, &key.1, MESSAGES).await?;
        engine.outbox.resume(key, messages, all);
    }
    Ok(())
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
