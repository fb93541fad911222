//! The reading side of the event log.
//!
//! | module | what |
//! |---|---|
//! | `epoch` | the sequences of a log that was restored from a backup |
//! | `subscription` | a stream that reads the log and then follows it |
//! | `verify` | checking that the log is what was written |
//! | `consumers` | cursors that are kept here, and the events that their consumers gave up on |
//! | `webhooks` | URLs that callers registered |

mod consumers;
pub(crate) mod epoch;
mod subscription;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod webhooks;

use std::time::Duration;

use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{ErrorReason, Failure, duration_from_proto};
use entente_store::page;
use prost::Message as _;

use crate::engine::{Answer, Engine};
use crate::store::{EventFilter, Store};
use epoch::Place;
use subscription::Start;
pub(crate) use subscription::{End, Subscription};

/// How many events are read at once.
pub(crate) const BATCH: i64 = 64;
/// How far one read looks for events that match a filter.
const REACH: i64 = 16 * 1024;
/// How many reads without a full page one call makes.
const MAX_READS: usize = 64;
/// The heartbeat where none is asked for, and the shortest.
const HEARTBEAT: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(1));

impl Engine {
    /// The events after a cursor, and then those that follow.
    pub async fn subscribe(
        &self,
        tenant: &str,
        request: pb::SubscribeRequest,
        end: End,
    ) -> Answer<Subscription> {
        let heartbeat = heartbeat(&request)?;
        let filter = filter(request.filter)?;
        if request.from_now && request.after != 0 {
            return Err(Failure::field("from_now", "excludes after; leave one of them out"));
        }
        // Listening begins before the log is looked at, so that nothing is between the two.
        let feed = self.feed.listen();
        let (last, purged) = self.store.log_bounds(tenant).await?;
        let cursor = if request.from_now { last } else { request.after };
        check_cursor("after", cursor, last, purged)?;
        reach(&self.store, tenant, cursor, last, purged).await?;
        let start = Start {
            store: self.store.clone(),
            feed,
            tenant: tenant.to_owned(),
            filter,
            cursor,
            announce: request.from_now,
            heartbeat,
            slow_reader: self.config.slow_reader,
        };
        Ok(start.spawn(end))
    }

    /// A page of the log. It is shorter than asked for where its events are large.
    pub async fn list_events(
        &self,
        tenant: &str,
        request: pb::ListEventsRequest,
    ) -> Answer<pb::ListEventsResponse> {
        let filter = filter(request.filter)?;
        let size = page::size(request.page_size)?;
        let mut page =
            pb::ListEventsResponse { events: Vec::new(), cursor: request.after, end: false };
        let (mut room, mut bytes) = (size, page::MAX_BYTES);
        for _ in 0..MAX_READS {
            let part = read(&self.store, tenant, page.cursor, &filter, room.min(BATCH)).await?;
            for event in part.events {
                let length = event.encoded_len();
                if length > bytes && !page.events.is_empty() {
                    return Ok(page);
                }
                bytes = bytes.saturating_sub(length);
                room -= 1;
                page.cursor = event.sequence;
                page.events.push(event);
            }
            (page.cursor, page.end) = (part.cursor, part.end);
            if page.end || room == 0 {
                break;
            }
        }
        Ok(page)
    }
}

/// What a read of the log gave.
pub(crate) struct Part {
    pub events: Vec<pb::Event>,
    /// Everything up to here is in this part or did not match.
    pub cursor: i64,
    /// Whether that is the end of the log.
    pub end: bool,
}

/// Reads the log after a cursor. An event that is missing is an error.
pub(crate) async fn read(
    store: &Store,
    tenant: &str,
    after: i64,
    filter: &EventFilter,
    limit: i64,
) -> Answer<Part> {
    let (last, purged) = store.log_bounds(tenant).await?;
    check_cursor("after", after, last, purged)?;
    let (after, up_to) = reach(store, tenant, after, last, purged).await?;
    if up_to == after {
        return Ok(Part { events: Vec::new(), cursor: after, end: after == last });
    }
    let events = store.events(tenant, after, up_to, filter, limit).await?;
    // A purge may have come between.
    let (_, purged) = store.log_bounds(tenant).await?;
    check_cursor("after", after, last, purged)?;
    let full = i64::try_from(events.len()).is_ok_and(|count| count >= limit);
    let cursor = events.last().filter(|_| full).map_or(up_to, |event| event.sequence);
    Ok(Part { events, cursor, end: cursor == last })
}

/// Where a read goes on from, and up to where. It passes over what a restored log has no events for.
async fn reach(
    store: &Store,
    tenant: &str,
    after: i64,
    last: i64,
    purged: i64,
) -> Answer<(i64, i64)> {
    let mut after = after;
    loop {
        let up_to = after.saturating_add(REACH);
        let end = epoch::end(after);
        if last < end {
            return Ok((after, last.min(up_to)));
        }
        let newest = store.newest_event_before(tenant, end).await?.unwrap_or(purged);
        match epoch::place(after, newest) {
            Place::Before(newest) => return Ok((after, newest.min(up_to))),
            Place::AtEnd(next) => after = next,
            Place::Lost(newest) => {
                let message = format!(
                    "the log was restored from a backup, and has no events after {newest} that the cursor {after} has \
                     seen; go on from {newest}, and read again what the events after it told"
                );
                return Err(Failure::new(ErrorReason::CursorInFuture, message)
                    .with("newest", newest.to_string()));
            }
        }
    }
}

/// A cursor from which everything that follows can be given.
fn check_cursor(field: &str, cursor: i64, last: i64, purged: i64) -> Answer<()> {
    if cursor < 0 {
        return Err(Failure::field(field, "must not be negative; 0 is the beginning of the log"));
    }
    if cursor > last {
        let message = format!("{field} is {cursor}, and the newest event is {last}");
        return Err(
            Failure::new(ErrorReason::CursorInFuture, message).with("newest", last.to_string())
        );
    }
    if cursor < purged {
        let oldest = purged + 1;
        let message = format!(
            "events after {cursor} are no longer kept; the oldest event is {oldest}, so that {purged} is the first \
             cursor to go on from"
        );
        return Err(
            Failure::new(ErrorReason::EventsExpired, message).with("oldest", oldest.to_string())
        );
    }
    Ok(())
}

fn heartbeat(request: &pb::SubscribeRequest) -> Answer<Duration> {
    let Some(asked) = &request.heartbeat else { return Ok(HEARTBEAT.0) };
    duration_from_proto(asked)
        .and_then(|milliseconds| u64::try_from(milliseconds).ok())
        .map(Duration::from_millis)
        .filter(|heartbeat| *heartbeat >= HEARTBEAT.1)
        .ok_or_else(|| Failure::field("heartbeat", "must be 1 s or longer; 15 s when it is absent"))
}

fn filter(asked: Option<pb::EventFilter>) -> Answer<EventFilter> {
    let pb::EventFilter { mut kinds, connection_id, invitation_id } = asked.unwrap_or_default();
    if let Some(unknown) = kinds.iter().find(|kind| pb::EventKind::try_from(**kind).is_err()) {
        return Err(Failure::field("filter.kinds", format!("has no value {unknown}")));
    }
    kinds.sort_unstable();
    kinds.dedup();
    // UNSPECIFIED stands for every kind.
    if kinds.first() == Some(&0) {
        kinds.clear();
    }
    Ok(EventFilter { kinds, connection_id, invitation_id })
}
