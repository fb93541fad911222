//! Checking that the log is what was written.

use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{ErrorReason, Failure};
use entente_store::{PageToken, page};
use pb::LogFault;

use super::{BATCH, check_cursor, epoch};
use crate::engine::{Answer, Engine};
use crate::store::LogState;

/// How many events one call checks: when nothing is said, and at the most.
const EVENTS: (i64, i64) = (1_000, 10_000);
/// The length of a hash, in bytes.
const HASH: usize = 32;

/// How far a check has come.
struct Walk<'a> {
    tenant: &'a str,
    sequence: i64,
    hash: Vec<u8>,
    expected: Option<&'a pb::LogHead>,
}

/// The first place that does not fit, and why.
type Misfit = (i64, LogFault);

impl Engine {
    /// Checks a part of the log.
    pub async fn verify_log(
        &self,
        tenant: &str,
        request: pb::VerifyLogRequest,
    ) -> Answer<pb::VerifyLogResponse> {
        let room = events_of(request.page_size)?;
        let expected = request.expected_head.as_ref();
        check_expected(expected)?;
        let filter = (request.after, expected.map(|head| (head.sequence, &head.hash)));
        let place = page::after(&request.page_token, &filter)?;
        let state = self.store.log_state(tenant).await?;
        let (sequence, hash) = match place {
            Some(place) => parse_place(&place).ok_or_else(page::invalid_token)?,
            None => self.first_place(tenant, &request, &state).await?,
        };
        if let Some(head) =
            expected.filter(|head| request.page_token.is_empty() && head.sequence < sequence)
        {
            let text = format!(
                "expected_head is of event {}, and the log can be checked from {sequence} on",
                head.sequence
            );
            let failure = Failure::new(ErrorReason::EventsExpired, text);
            return Err(failure.with("oldest", sequence.to_string()));
        }
        check_cursor("after", sequence, state.last_sequence, state.purged_sequence)?;
        let mut walk = Walk { tenant, sequence, hash, expected };
        let misfit = self.walk(&mut walk, &state, room).await?;
        let end = misfit.is_some() || walk.sequence == state.last_sequence;
        let next_page_token = match end {
            true => String::new(),
            false => PageToken::encode(
                &format!("{} {}", walk.sequence, base16ct::lower::encode_string(&walk.hash)),
                &filter,
            ),
        };
        Ok(pb::VerifyLogResponse {
            verified: Some(pb::LogHead { sequence: walk.sequence, hash: walk.hash.into() }),
            head: Some(pb::LogHead { sequence: state.last_sequence, hash: state.hash.into() }),
            linked_after: state.linked_after,
            purged: state.purged_sequence,
            fault: misfit.map(|(_, fault)| fault).unwrap_or_default().into(),
            fault_sequence: misfit.map(|(sequence, _)| sequence).unwrap_or_default(),
            next_page_token,
        })
    }

    /// Where the first page begins: with the chain, or after a place that the caller names.
    async fn first_place(
        &self,
        tenant: &str,
        request: &pb::VerifyLogRequest,
        state: &LogState,
    ) -> Answer<(i64, Vec<u8>)> {
        let begin = state.begin();
        if request.after == 0 || request.after == begin.0 {
            return Ok(begin);
        }
        check_cursor("after", request.after, state.last_sequence, state.purged_sequence)?;
        let found = self.store.linked_events(tenant, request.after - 1, 1).await?.pop();
        let found = found.filter(|event| event.sequence == request.after);
        match found.and_then(|event| event.hash) {
            Some(hash) => Ok((request.after, hash)),
            None => Err(Failure::field("after", "names an event without a hash")),
        }
    }

    async fn walk(
        &self,
        walk: &mut Walk<'_>,
        state: &LogState,
        room: i64,
    ) -> Answer<Option<Misfit>> {
        if let Some(misfit) = walk.compare()?.or_else(|| outside(state)) {
            return Ok(Some(misfit));
        }
        let mut room = room.min(epoch::count(walk.sequence, state.last_sequence));
        while room > 0 {
            let limit = BATCH.min(room);
            let events = self.store.linked_events(walk.tenant, walk.sequence, limit).await?;
            let whole = i64::try_from(events.len()).is_ok_and(|found| found == limit);
            for event in events {
                let is_next = epoch::count(walk.sequence, event.sequence) == 1;
                if !is_next || walk.expects_before(event.sequence) {
                    return self.missing(walk, state).await;
                }
                let linked = event.link(walk.tenant, &walk.hash);
                match event.hash {
                    Some(hash) if hash == linked => {}
                    Some(_) => return Ok(Some((event.sequence, LogFault::Changed))),
                    None => return Ok(Some((event.sequence, LogFault::Unlinked))),
                }
                (walk.sequence, walk.hash) = (event.sequence, linked);
                if let Some(misfit) = walk.compare()? {
                    return Ok(Some(misfit));
                }
                room -= 1;
            }
            if !whole && room > 0 {
                return self.missing(walk, state).await;
            }
        }
        if epoch::count(walk.sequence, state.last_sequence) == 0 {
            if walk.expects_before(state.last_sequence) {
                return self.missing(walk, state).await;
            }
            // Also where a restored log has no event yet.
            walk.sequence = state.last_sequence;
        }
        if walk.sequence == state.last_sequence && walk.hash != state.hash {
            return Ok(Some((walk.sequence, LogFault::Changed)));
        }
        let beyond = walk.expected.filter(|expected| expected.sequence > state.last_sequence);
        Ok(match beyond {
            Some(_) if walk.sequence == state.last_sequence => {
                Some((walk.sequence + 1, LogFault::Missing))
            }
            _ => None,
        })
    }

    /// The next event is not there. A purge may have taken it meanwhile.
    async fn missing(&self, walk: &Walk<'_>, state: &LogState) -> Answer<Option<Misfit>> {
        let now = self.store.log_state(walk.tenant).await?;
        check_cursor("after", walk.sequence, state.last_sequence, now.purged_sequence)?;
        Ok(Some((walk.sequence + 1, LogFault::Missing)))
    }
}

impl Walk<'_> {
    /// Whether the caller noted an event between here and a later place. A restored log may have none there.
    fn expects_before(&self, sequence: i64) -> bool {
        let between = self.sequence + 1..sequence;
        self.expected.is_some_and(|head| between.contains(&head.sequence))
    }

    /// Whether the log is here as it was when the caller noted it.
    fn compare(&self) -> Answer<Option<Misfit>> {
        match self.expected {
            Some(expected) if expected.sequence == self.sequence => {
                let same = expected.hash == self.hash;
                Ok((!same).then_some((self.sequence, LogFault::NotExpected)))
            }
            _ => Ok(None),
        }
    }
}

/// Events that the log knows nothing of.
fn outside(state: &LogState) -> Option<Misfit> {
    let before = state.oldest.filter(|oldest| *oldest <= state.purged_sequence);
    let after = state.newest.filter(|newest| *newest > state.last_sequence);
    let sequence = before.or(after.map(|_| state.last_sequence + 1))?;
    Some((sequence, LogFault::Inserted))
}

fn events_of(page_size: i32) -> Answer<i64> {
    match i64::from(page_size) {
        0 => Ok(EVENTS.0),
        1.. => Ok(i64::from(page_size).min(EVENTS.1)),
        _ => {
            let text = format!(
                "must not be negative; 0 stands for {}, and {} is the most",
                EVENTS.0, EVENTS.1
            );
            Err(Failure::field("page_size", text))
        }
    }
}

fn check_expected(expected: Option<&pb::LogHead>) -> Answer<()> {
    match expected {
        Some(head) if head.sequence < 1 => {
            Err(Failure::field("expected_head.sequence", "must be that of an event"))
        }
        Some(head) if head.hash.len() != HASH => {
            Err(Failure::field("expected_head.hash", format!("must have {HASH} bytes")))
        }
        _ => Ok(()),
    }
}

fn parse_place(place: &str) -> Option<(i64, Vec<u8>)> {
    let (sequence, hash) = place.split_once(' ')?;
    Some((sequence.parse().ok()?, base16ct::lower::decode_vec(hash).ok()?))
}
