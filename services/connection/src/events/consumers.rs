//! Cursors of consumers that have no store of their own, and the events that they gave up on.

use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{Failure, duration_from_proto, time_from_proto, time_to_proto};
use entente_store::page;

use super::check_cursor;
use crate::engine::{Answer, Engine};
use crate::store::DeadLetterRow;

/// The longest name, in bytes.
const MAX_NAME: usize = 256;
/// The longest lease, in milliseconds.
const MAX_LEASE: i64 = 60_000;
/// How many sequences one call may name in a field.
const MAX_SEQUENCES: usize = 1000;
/// The most of an error's text that is kept, in bytes.
const MAX_ERROR: usize = 1024;

impl Engine {
    /// A consumer's cursor.
    pub async fn get_consumer(&self, tenant: &str, name: &str) -> Answer<pb::Consumer> {
        check_name("name", name)?;
        let found = self.store.consumer(tenant, name).await?;
        let (cursor, updated_at) = found.ok_or_else(|| Failure::not_found("consumer", name))?;
        Ok(consumer(name, cursor, updated_at))
    }

    /// Moves a consumer's cursor forward, keeps the events that it gave up on, and forgets those that were delivered
    /// after all: all of it or nothing.
    pub async fn commit_consumer(
        &self,
        tenant: &str,
        request: pb::CommitConsumerRequest,
    ) -> Answer<pb::Consumer> {
        let name = request.name.as_str();
        check_name("name", name)?;
        check_count("dead_letters", request.dead_letters.len())?;
        check_count("delivered", request.delivered.len())?;
        let (last, _) = self.store.log_bounds(tenant).await?;
        check_cursor("cursor", request.cursor, last, 0)?;
        let mut work = self.work(tenant).await?;
        let (cursor, updated_at) = work.move_consumer(name, request.cursor).await?;
        for (index, letter) in request.dead_letters.into_iter().enumerate() {
            let row = dead_letter_row(name, index, letter, cursor, work.now())?;
            work.put_dead_letter(&row);
        }
        for sequence in request.delivered {
            work.remove_dead_letter(name, sequence);
        }
        self.commit(work).await?;
        Ok(consumer(name, cursor, updated_at))
    }

    /// Gives a consumer's lease to who asks, unless another one holds it.
    pub async fn lease_consumer(
        &self,
        tenant: &str,
        request: pb::LeaseConsumerRequest,
    ) -> Answer<pb::LeaseConsumerResponse> {
        check_name("name", &request.name)?;
        check_name("holder", &request.holder)?;
        let duration = request.duration.as_ref().map_or(Some(0), duration_from_proto);
        let duration = duration.filter(|duration| (0..=MAX_LEASE).contains(duration));
        let duration =
            duration.ok_or_else(|| Failure::field("duration", "must be from 0 to 60 s"))?;
        let mut work = self.work(tenant).await?;
        let (holder, until) = work.lease_consumer(&request.name, &request.holder, duration).await?;
        self.commit(work).await?;
        Ok(pb::LeaseConsumerResponse {
            held: holder == request.holder && duration > 0,
            held_until: Some(time_to_proto(until)),
        })
    }

    /// A page of the events that consumers gave up on.
    pub async fn list_dead_letters(
        &self,
        tenant: &str,
        request: pb::ListDeadLettersRequest,
    ) -> Answer<pb::ListDeadLettersResponse> {
        let size = page::size(request.page_size)?;
        let filter = (&request.consumer, request.replay_only);
        let token = page::after(&request.page_token, &filter)?;
        let after = match &token {
            Some(token) => place(token).ok_or_else(page::invalid_token)?,
            None => ("", 0),
        };
        let found = self.store.dead_letters(tenant, filter.0, filter.1, after, size + 1).await?;
        let mut dead_letters: Vec<_> = found.into_iter().map(dead_letter).collect();
        let next_page_token = page::cut(&mut dead_letters, size, &filter, |letter| {
            format!("{} {}", letter.sequence, letter.consumer)
        });
        Ok(pb::ListDeadLettersResponse { dead_letters, next_page_token })
    }

    /// Marks dead letters for another try; all of the consumer when none is named. Says how many there were.
    pub async fn replay_dead_letters(
        &self,
        tenant: &str,
        request: pb::ReplayDeadLettersRequest,
    ) -> Answer<i32> {
        check_name("consumer", &request.consumer)?;
        check_count("sequences", request.sequences.len())?;
        let mut work = self.work(tenant).await?;
        let count = work.replay_dead_letters(&request.consumer, &request.sequences).await?;
        self.commit(work).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

fn check_name(field: &str, name: &str) -> Answer<()> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Failure::field(
            field,
            format!("must have 1 to {MAX_NAME} bytes, not {}", name.len()),
        ));
    }
    Ok(())
}

fn check_count(field: &str, count: usize) -> Answer<()> {
    if count > MAX_SEQUENCES {
        return Err(Failure::field(
            field,
            format!("has {count} entries; at most {MAX_SEQUENCES} in one call"),
        ));
    }
    Ok(())
}

/// The place that a page token names: sequence, space, consumer.
fn place(text: &str) -> Option<(&str, i64)> {
    let (sequence, consumer) = text.split_once(' ')?;
    Some((consumer, sequence.parse().ok()?))
}

fn dead_letter_row(
    consumer: &str,
    index: usize,
    letter: pb::DeadLetter,
    cursor: i64,
    now: i64,
) -> Answer<DeadLetterRow> {
    let field = |name: &str| format!("dead_letters[{index}].{name}");
    if !letter.consumer.is_empty() && letter.consumer != consumer {
        return Err(Failure::field(field("consumer"), format!("must be {consumer:?}, or empty")));
    }
    if !(1..=cursor).contains(&letter.sequence) {
        let wrong = format!(
            "is {}; only events up to the cursor, {cursor}, can be given up",
            letter.sequence
        );
        return Err(Failure::field(field("sequence"), wrong));
    }
    if letter.attempts < 0 {
        return Err(Failure::field(field("attempts"), "must not be negative"));
    }
    let mut error = letter.error;
    error.truncate(error.floor_char_boundary(MAX_ERROR));
    Ok(DeadLetterRow {
        consumer: consumer.to_owned(),
        sequence: letter.sequence,
        attempts: letter.attempts,
        error,
        time: letter.time.as_ref().map_or(now, time_from_proto),
        replay: false,
    })
}

fn dead_letter(row: DeadLetterRow) -> pb::DeadLetter {
    pb::DeadLetter {
        consumer: row.consumer,
        sequence: row.sequence,
        attempts: row.attempts,
        error: row.error,
        time: Some(time_to_proto(row.time)),
        replay: row.replay,
    }
}

fn consumer(name: &str, cursor: i64, updated_at: i64) -> pb::Consumer {
    pb::Consumer { name: name.to_owned(), cursor, updated_at: Some(time_to_proto(updated_at)) }
}
