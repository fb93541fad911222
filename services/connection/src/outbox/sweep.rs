//! Finds messages in the table that are due.

use crate::engine::{Answer, Engine, now};

/// How many lanes are taken up at once.
const LANES: i64 = 256;
/// How many messages of a lane.
const MESSAGES: i64 = 256;

/// Takes up the lanes of this replica that are due.
pub(crate) async fn sweep(engine: &Engine) -> Answer<()> {
    let me = engine.replica.id();
    for (tenant, lane) in engine.store.due_lanes(&me, now(), LANES).await? {
        let key = (tenant, lane);
        if engine.outbox.is_active(&key) {
            continue;
        }
        let messages = engine.store.lane(&key.0, &key.1, MESSAGES).await?;
        engine.outbox.resume(key, messages);
    }
    Ok(())
}
