//! One lane's messages, one after the other.

use bytes::Bytes;
use entente_protocol::Target;
use entente_rpc::{ErrorReason, Failure};
use entente_trace::within;

use super::LaneKey;
use super::outlook::{Outlook, both};
use crate::engine::{Engine, now};
use crate::store::Outgoing;
use crate::trace::Sending;

/// The first wait after a failure and the longest, in milliseconds.
const BACK_OFF: (i64, i64) = (1_000, 300_000);
/// How long the messages of a tenant that rests wait before it is looked again whether it still does.
const REST: i64 = 10_000;
/// The wait for a peer that has no endpoint: only its own requests can carry our messages (RFC 0092).
const NO_ENDPOINT: i64 = 3_600_000;

pub(super) async fn run_lane(engine: &Engine, key: &LaneKey) {
    let mut waited = false;
    while let Some(message) = engine.outbox.next(key) {
        waited |= message.waits;
        if !matches!(engine.config.tenants.is_active(&message.tenant).await, Ok(true)) {
            if let Err(error) = rest(engine, &message).await {
                tracing::warn!(error = %error, "the messages of a tenant that rests could not be put off");
            }
            return engine.outbox.close(key);
        }
        let sending = Sending::begin(&message);
        let current = sending.current();
        let delivered = within(current.clone(), deliver(engine, &message)).await;
        sending.end(delivered.as_ref().err());
        match delivered {
            Ok(reply) => {
                engine.metrics.delivery("delivered");
                engine.outbox.complete(message);
                if let Some(reply) = reply {
                    tokio::spawn(within(current, engine.clone().receive_reply(reply)));
                }
            }
            Err(failure) => {
                let outlook = Outlook::of(&failure);
                let ended = outlook.ends(&message, engine.config.delivery_attempts);
                let written = if ended {
                    engine.metrics.delivery("failed");
                    engine.give_up(&message, &failure.message).await
                } else {
                    engine.metrics.delivery("postponed");
                    postpone(engine, &message, &failure, outlook).await
                };
                if let Err(error) = written {
                    tracing::warn!(error = %error, "the outcome of a delivery could not be stored");
                }
                if !ended {
                    return engine.outbox.close(key);
                }
            }
        }
    }
    if waited {
        // What was added meanwhile waits in the table.
        engine.wake_timers.notify_one();
    }
}

/// One attempt: the peer's endpoints one after the other, until one takes the message.
async fn deliver(engine: &Engine, message: &Outgoing) -> Result<Option<Vec<u8>>, Failure> {
    if message.target.endpoint().is_empty() {
        let text =
            "the peer has no endpoint; the message waits for one of its requests (return-route)";
        return Err(Failure::new(ErrorReason::EndpointUnavailable, text));
    }
    let envelope = Bytes::from(engine.pack(message).await?);
    let (mut next, mut failed): (Option<Target>, Option<Failure>) = (None, None);
    loop {
        let target = next.as_ref().unwrap_or(&message.target);
        let failure = match engine.clients.deliver(&message.tenant, envelope.clone(), target).await
        {
            Ok(reply) => return Ok(reply),
            Err(failure) => match failed {
                Some(before) => both(before, failure),
                None => failure,
            },
        };
        next = target.next();
        if next.is_none() {
            return Err(failure);
        }
        failed = Some(failure);
    }
}

/// A tenant that may not work sends nothing; nothing is lost, and no attempt counts.
async fn rest(engine: &Engine, message: &Outgoing) -> Result<(), Failure> {
    let mut work = engine.work(&message.tenant).await?;
    work.rest(message, now() + REST);
    Ok(engine.commit(work).await?)
}

async fn postpone(
    engine: &Engine,
    message: &Outgoing,
    failure: &Failure,
    outlook: Outlook,
) -> Result<(), Failure> {
    let wait = match message.target.endpoint() {
        "" => NO_ENDPOINT,
        _ => back_off(message.attempts, message.created_at),
    };
    let asked =
        failure.retry_after.map_or(0, |delay| i64::try_from(delay.as_millis()).unwrap_or(0));
    let due = now() + wait.max(asked.min(BACK_OFF.1));
    tracing::info!(attempt = message.attempts + 1, reason = %failure, "a delivery is to be tried again");
    let mut work = engine.work(&message.tenant).await?;
    let error: String = failure.message.chars().take(500).collect();
    work.postpone(message, due, &error, outlook == Outlook::Rejected);
    Ok(engine.commit(work).await?)
}

/// Doubles with each attempt, with a fifth of jitter so that peers that come back are not met by all at once. The jitter
/// is of the moment at which the message was made: such moments are as good as random, and it can be told again.
fn back_off(attempts: i32, created_at: i64) -> i64 {
    let (first, longest) = BACK_OFF;
    let wait = first.saturating_mul(1_i64 << attempts.clamp(0, 20)).min(longest);
    let mixed = created_at.wrapping_add(attempts.into()).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
    wait + mixed.rem_euclid(wait / 5 + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::back_off;

    #[test]
    fn waits_double_up_to_five_minutes() {
        for (attempts, wait) in
            [(0, 1_000), (1, 2_000), (5, 32_000), (8, 256_000), (9, 300_000), (60, 300_000)]
        {
            let found: BTreeSet<_> = (0..100).map(|at| back_off(attempts, at)).collect();
            assert!(found.iter().all(|found| (wait..=wait + wait / 5).contains(found)));
            assert!(found.len() > 50, "{attempts}: {found:?}");
        }
    }
}
